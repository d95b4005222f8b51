// What crosses between a program and its supervisor comes out as it went in, or not at all.
#include "library/codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstring>

#include "base/error.h"
#include "library/members.h"

namespace vitrine::library {
namespace {

using namespace std::chrono_literals;
using Bytes = std::vector<std::byte>;

/// No member has its default value.
Job full_job() {
    Job job;
    job.id = "id";
    job.source = {.name = "a.py", .bytes = std::string("a\0b", 3)};
    job.arguments = {"one", ""};
    job.entry = {.function = "f", .arguments_json = "[1]"};
    job.limits = {.memory_bytes = 1,
                  .swap_bytes = 2,
                  .cpus = 0.25,
                  .pids = 3,
                  .timeout = 4ns,
                  .cpu_time = 5ns,
                  .max_output_bytes = 6,
                  .output_overflow = OutputOverflow::kKill,
                  .output_keep = OutputKeep::kTail,
                  .tmpfs_bytes = 7,
                  .tmpfs_inodes = 8,
                  .ulimits = {{.resource = 9, .soft = 10, .hard = 11}},
                  .devices = {{.major = 12, .minor = 13, .kind = "rbps", .per_second = 14}}};
    job.environment = {{"A", "1"}, {"B", ""}};
    job.workdir = "/w";
    job.hostname = "h";
    job.uid = 15;
    job.gid = 16;
    job.rootfs = "/r";
    job.binds = {{.source = "/s", .destination = "/d", .is_writable = true}};
    job.artifacts = "/a";
    job.seccomp_profile = "p";
    job.compat_arch = true;
    job.explains_denied = true;
    job.command = {"sh", "-c"};
    job.has_terminal = true;
    job.uses_snapshot = false;
    job.policy = "off";
    job.stdin_path = "/in";
    job.stdin_text = "text";
    job.required = {"cgroup"};
    return job;
}

Result full_result() {
    Result result;
    result.id = "id";
    result.status = Status::kMemory;
    result.exit_code = 1;
    result.signal = 9;
    result.limit = {.name = "memory", .value = 2, .observed = 3};
    result.out = {
        .bytes = std::string("\0\xff", 2), .bytes_total = 4, .bytes_kept = 5, .truncated = true};
    result.err = {.bytes = "err", .bytes_total = 6, .bytes_kept = 7, .truncated = true};
    result.value_json = "{}";
    result.value_notes = {"note"};
    result.exception = {.type = "T", .message = "m", .file = "f", .line = 8};
    result.findings = {{.id = "VT1",
                        .rule = "r",
                        .message = "m",
                        .hint = "h",
                        .line = 9,
                        .column = 10,
                        .severity = Severity::kWarning}};
    result.denied = {{.name = "mount",
                      .number = 19,
                      .architecture = "x86_64",
                      .error_number = 20,
                      .count = 21,
                      .arguments = {22},
                      .rule = "r",
                      .allowed_by = "a"}};
    result.usage = {.wall_ms = 1.5,
                    .cpu_user_ms = 2.5,
                    .cpu_sys_ms = 3.5,
                    .memory_peak_bytes = 11,
                    .memory_source = "sampled",
                    .pids_peak = 12,
                    .pids_limit_hits = 13,
                    .oom_kills = 14,
                    .throttled_ms = 4.5};
    result.isolation = {.namespaces = {"net"},
                        .seccomp_profile = "p",
                        .seccomp_sha256 = "s",
                        .seccomp_action = "a",
                        .landlock_abi = 15,
                        .no_new_privs = true,
                        .uid = 16,
                        .host_uid = 17,
                        .capabilities = {"c"},
                        .limits_backend = "cgroup2",
                        .degraded = {"d"}};
    result.timings = {.prepare = 1,
                      .fork = 2,
                      .enter = 3,
                      .seccomp = 4,
                      .validate = 5,
                      .held = 6,
                      .run = 7,
                      .teardown = 8,
                      .total = 9};
    result.artifacts = {{.path = "p", .bytes = 18, .sha256 = "s"}};
    result.artifacts_refused = {{.path = "p", .reason = "r"}};
    result.python = "3.11";
    result.warm = true;
    result.snapshot = true;
    result.error = {.step = "s",
                    .syscall = "c",
                    .error_number = 19,
                    .message = "m",
                    .hint = "h",
                    .line = 20,
                    .cause = "c"};
    return result;
}

template <typename Type>
concept Struct = requires(Type& value) { members(value); };

/// Compares what has no == of its own, member by member.
struct Same {
    template <typename Type>
    static bool values(const Type& one, const Type& other) {
        return one == other;
    }
    template <typename Item>
    static bool values(const std::optional<Item>& one, const std::optional<Item>& other) {
        return one.has_value() == other.has_value() && (!one || values(*one, *other));
    }
    template <typename Item>
    static bool values(const std::vector<Item>& one, const std::vector<Item>& other) {
        return one.size() == other.size() &&
               std::equal(one.begin(), one.end(), other.begin(),
                          [](const Item& a, const Item& b) { return values(a, b); });
    }
    template <Struct Type>
    static bool values(const Type& one, const Type& other) {
        return each(one, other).find('0') == std::string::npos;
    }
    /// `1` for each member that is the same, `0` for each that is not.
    template <Struct Type>
    static std::string each(const Type& one, const Type& other) {
        const auto a = members(one);
        const auto b = members(other);
        return [&]<std::size_t... I>(std::index_sequence<I...>) {
            return std::string{(values(std::get<I>(a), std::get<I>(b)) ? '1' : '0')...};
        }(std::make_index_sequence<std::tuple_size_v<decltype(members(one))>>());
    }
};

/// Members in the order and at the places where the compiler puts them leave no room for one that
/// was forgotten.
template <Struct Type>
void expect_all_tied(const char* name) {
    const Type value{};
    const auto* start = reinterpret_cast<const std::byte*>(&value);
    std::size_t end = 0;
    const auto step = [&](const auto& member) {
        using Member = std::remove_cvref_t<decltype(member)>;
        const auto place =
            static_cast<std::size_t>(reinterpret_cast<const std::byte*>(&member) - start);
        const std::size_t wanted = (end + alignof(Member) - 1) / alignof(Member) * alignof(Member);
        EXPECT_EQ(place, wanted) << "a member of " << name << " is not encoded";
        end = place + sizeof(Member);
    };
    std::apply([&](const auto&... member) { (step(member), ...); }, members(value));
    EXPECT_EQ((end + alignof(Type) - 1) / alignof(Type) * alignof(Type), sizeof(Type))
        << "the last member of " << name << " is not encoded";
}

TEST(Members, AreAllTied) {
    expect_all_tied<Ulimit>("Ulimit");
    expect_all_tied<DeviceLimit>("DeviceLimit");
    expect_all_tied<Limits>("Limits");
    expect_all_tied<Source>("Source");
    expect_all_tied<Bind>("Bind");
    expect_all_tied<EntryPoint>("EntryPoint");
    expect_all_tied<Job>("Job");
    expect_all_tied<LimitHit>("LimitHit");
    expect_all_tied<Output>("Output");
    expect_all_tied<ExceptionClaim>("ExceptionClaim");
    expect_all_tied<Finding>("Finding");
    expect_all_tied<Usage>("Usage");
    expect_all_tied<Isolation>("Isolation");
    expect_all_tied<Timings>("Timings");
    expect_all_tied<SetupError>("SetupError");
    expect_all_tied<Artifact>("Artifact");
    expect_all_tied<RefusedArtifact>("RefusedArtifact");
    expect_all_tied<Result>("Result");
    expect_all_tied<Preload>("Preload");
    expect_all_tied<Start>("Start");
}

/// The control of the round trips: what a decoder leaves out is seen.
template <Struct Type>
void expect_nothing_default(const Type& full) {
    EXPECT_EQ(Same::each(full, Type{}).find('1'), std::string::npos) << Same::each(full, Type{});
}

TEST(AJob, ComesOutAsItWentIn) {
    const NumberedJob sent{.number = 77, .job = full_job()};
    expect_nothing_default(sent.job);
    expect_nothing_default(sent.job.limits);
    const auto received = decode<NumberedJob>(encode(sent));
    EXPECT_EQ(received.number, 77U);
    EXPECT_TRUE(Same::values(received.job, sent.job));
    EXPECT_TRUE(Same::values(decode<NumberedJob>(encode(NumberedJob{})).job, Job{}));
}

TEST(AResult, ComesOutAsItWentIn) {
    const NumberedResult sent{.number = 78, .result = full_result()};
    expect_nothing_default(sent.result);
    expect_nothing_default(sent.result.usage);
    expect_nothing_default(sent.result.isolation);
    expect_nothing_default(*sent.result.error);
    const auto received = decode<NumberedResult>(encode(sent));
    EXPECT_EQ(received.number, 78U);
    EXPECT_TRUE(Same::values(received.result, sent.result));
    EXPECT_TRUE(Same::values(decode<NumberedResult>(encode(NumberedResult{})).result, Result{}));
}

TEST(TheStart, ComesOutAsItWentIn) {
    const Start sent{.workers = 3,
                     .is_cold = true,
                     .preload = {.modules = {"numpy"}, .script = "x = 1"},
                     .rootfs = "/r",
                     .profiles = "/p"};
    expect_nothing_default(sent);
    EXPECT_TRUE(Same::values(decode<Start>(encode(sent)), sent));
}

TEST(Decoding, RefusesWhateverIsCutShort) {
    const Bytes bytes = encode(NumberedResult{.number = 1, .result = full_result()});
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        EXPECT_THROW((void)decode<NumberedResult>(std::span(bytes).first(size)), Error) << size;
    }
}

TEST(Decoding, RefusesWhateverIsTooLong) {
    Bytes bytes = encode(NumberedJob{.number = 1, .job = full_job()});
    (void)decode<NumberedJob>(bytes);
    bytes.push_back(std::byte{0});
    EXPECT_THROW((void)decode<NumberedJob>(bytes), Error);
}

TEST(Decoding, DoesNotBelieveACount) {
    Bytes bytes = encode(Refusal{.message = "m", .hint = ""});
    const std::uint64_t many = ~std::uint64_t{0};
    std::memcpy(bytes.data(), &many, sizeof many);
    EXPECT_THROW((void)decode<Refusal>(bytes), Error);
    // The same of items: the first thing a Start has after two numbers is a list.
    Bytes start = encode(Start{});
    std::memcpy(start.data() + sizeof(unsigned) + 1, &many, sizeof many);
    EXPECT_THROW((void)decode<Start>(start), Error);
}

TEST(Decoding, RefusesValuesThatAreNone) {
    Bytes start = encode(Start{});
    start.at(sizeof(unsigned)) = std::byte{2};
    EXPECT_THROW((void)decode<Start>(start), Error);
    Bytes result = encode(NumberedResult{});
    // A number, an empty id, the status.
    std::byte& status = result.at(2 * sizeof(std::uint64_t));
    ASSERT_EQ(status, static_cast<std::byte>(Status::kSetupError));
    status = std::byte{200};
    EXPECT_THROW((void)decode<NumberedResult>(result), Error);
}

}  // namespace
}  // namespace vitrine::library
