// The same decisions as runc's: its filter, as the kernel has it, against ours.
#include <gtest/gtest.h>
#include <linux/audit.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "peers/runc_container.h"
#include "seccomp/bpf_machine.h"
#include "seccomp/calls.h"
#include "seccomp/filter.h"

namespace vitrine::test {
namespace {

using seccomp::Program;

constexpr const char* kProfile = VITRINE_SOURCE_ROOT "/profiles/docker-default.json";
constexpr std::uint32_t kUnknownArch = 0x12345678;

/// Values around everything the resolved profile compares with, and each bit.
std::set<std::uint64_t> boundaries(const nlohmann::json& seccomp) {
    std::set<std::uint64_t> values{0, ~std::uint64_t{0}};
    for (const auto& rule : seccomp["syscalls"]) {
        for (const auto& condition : rule.value("args", nlohmann::json::array())) {
            for (const char* key : {"value", "valueTwo"}) {
                const auto value = condition.value(key, std::uint64_t{0});
                for (const std::uint64_t near : {value - 1, value, value + 1, ~value})
                    values.insert({near, near | std::uint64_t{1} << 32, near & 0xffffffff});
            }
        }
    }
    for (unsigned bit = 0; bit < 64; ++bit)
        values.insert(std::uint64_t{1} << bit);
    return values;
}

std::vector<std::uint32_t> numbers() {
    std::vector<std::uint32_t> all;
    for (std::uint32_t number = 0; number < 1024; ++number) {
        all.push_back(number);
        all.push_back(number | seccomp::kX32Bit);
    }
    all.insert(all.end(), {0x3fffffff, 0x40000400, 0x7fffffff, 0x80000000, 0xffffffff});
    return all;
}

/// Calls that the two decide otherwise, with what each says.
class Comparison {
  public:
    Comparison(const Program& theirs, const Program& ours, std::set<std::uint64_t> values)
        : theirs_(theirs), ours_(ours), values_(std::move(values)) {}

    std::map<std::string, int> run() {
        for (const std::uint32_t arch :
             {std::uint32_t{AUDIT_ARCH_X86_64}, std::uint32_t{AUDIT_ARCH_I386},
              std::uint32_t{AUDIT_ARCH_AARCH64}, kUnknownArch}) {
            for (const std::uint32_t number : numbers())
                compare_call(arch, number);
        }
        return std::move(differences_);
    }

    std::size_t calls() const { return calls_; }

  private:
    void compare_call(std::uint32_t arch, std::uint32_t number) {
        seccomp_data call{
            .nr = static_cast<int>(number), .arch = arch, .instruction_pointer = 0, .args = {}};
        const bool either_looks = seccomp::watch_filter(theirs_, call).reads_arguments ||
                                  seccomp::watch_filter(ours_, call).reads_arguments;
        compare(call);
        if (!either_looks) return;
        for (std::size_t index = 0; index < 6; ++index) {
            for (const std::uint64_t value : values_) {
                call.args[index] = value;
                compare(call);
            }
            call.args[index] = 0;
        }
    }

    void compare(const seccomp_data& call) {
        ++calls_;
        const std::uint32_t theirs = seccomp::run_filter(theirs_, call);
        const std::uint32_t ours = seccomp::run_filter(ours_, call);
        if (theirs == ours) return;
        const auto number = static_cast<std::uint32_t>(call.nr);
        const std::string which =
            call.arch != AUDIT_ARCH_X86_64
                ? "another architecture"
                : concat("x86_64 ", seccomp::call_name(number, seccomp::native_architecture()));
        ++differences_[concat(which, ": ", seccomp::describe_outcome(theirs), " | ",
                              seccomp::describe_outcome(ours))];
    }

    const Program& theirs_;
    const Program& ours_;
    std::set<std::uint64_t> values_;
    std::map<std::string, int> differences_;
    std::size_t calls_ = 0;
};

Program ours(seccomp::SubArchitectures sub_architectures) {
    seccomp::HostFacts host = seccomp::host_facts();
    host.sub_architectures = sub_architectures;
    const std::vector<seccomp::ProfilePart> parts{
        {"docker-default", read_file(kProfile, std::size_t{1} << 20)}};
    seccomp::Filter filter = seccomp::compile_filter(parts, host);
    if (filter.programs.size() != 1) throw Error(filter.warning);
    return std::move(filter.programs.front());
}

/// What docs/seccomp.md lists: calls that are newer than runc's libseccomp, and how a call of
/// another architecture dies.
std::string unexplained(const std::map<std::string, int>& differences) {
    static const std::set<std::string> kNewCalls{"uretprobe",   "statmount",    "listmount",
                                                 "mseal",       "setxattrat",   "getxattrat",
                                                 "listxattrat", "removexattrat"};
    static const std::set<std::string> kNewButRefused{"lsm_get_self_attr", "lsm_set_self_attr",
                                                      "lsm_list_modules"};
    std::string list;
    for (const auto& [difference, count] : differences) {
        const std::string name = difference.substr(0, difference.find(':'));
        const std::string outcomes = difference.substr(difference.find(':') + 2);
        const std::string call = name.substr(name.find(' ') + 1);
        const bool is_new = kNewCalls.contains(call) && outcomes.ends_with("| allow");
        const bool is_refused =
            kNewButRefused.contains(call) && outcomes == "errno 38 (ENOSYS) | errno 1 (EPERM)";
        if (is_new || is_refused || outcomes == "kill thread | kill process") continue;
        list += concat(difference, " (", count, ")\n");
    }
    return list;
}

class RuncFilter : public testing::Test {
  protected:
    void SetUp() override {
        ASSERT_EQ(::geteuid(), 0U) << "runc's filter can only be read by root";
    }

    static void expect_same(const nlohmann::json& resolved, const Program& own) {
        const auto installed = runc_installs(resolved);
        ASSERT_EQ(installed.size(), 1U);
        ASSERT_GT(installed.front().size(), 100U);
        Comparison comparison(installed.front(), own, boundaries(resolved));
        const auto differences = comparison.run();
        EXPECT_EQ(unexplained(differences), "");
        EXPECT_GT(comparison.calls(), 8192U + 3 * 6 * 64U);
        for (const auto& [difference, count] : differences)
            std::printf("runc | vitrine: %s (%d)\n", difference.c_str(), count);
    }
};

TEST_F(RuncFilter, DecidesAsOursOnEveryArchitectureOfTheProfile) {
    nlohmann::json resolved = podman_resolves(kProfile);
    ASSERT_EQ(resolved["architectures"].size(), 3U) << resolved["architectures"];
    expect_same(resolved, ours(seccomp::SubArchitectures::kOn));
}

TEST_F(RuncFilter, DecidesAsOursOnTheNativeArchitectureAlone) {
    nlohmann::json resolved = podman_resolves(kProfile);
    resolved["architectures"] = {"SCMP_ARCH_X86_64"};
    expect_same(resolved, ours(seccomp::SubArchitectures::kOff));
}

/// The comparison sees what differs: one call less in what runc is given.
TEST_F(RuncFilter, OneNameLessIsSeen) {
    nlohmann::json resolved = podman_resolves(kProfile);
    resolved["architectures"] = {"SCMP_ARCH_X86_64"};
    auto& names = resolved["syscalls"][0]["names"];
    const auto getppid = std::ranges::find(names, "getppid");
    ASSERT_NE(getppid, names.end());
    names.erase(getppid);
    const auto installed = runc_installs(resolved);
    const Program own = ours(seccomp::SubArchitectures::kOff);
    Comparison comparison(installed.at(0), own, boundaries(resolved));
    EXPECT_EQ(unexplained(comparison.run()), "x86_64 getppid: errno 1 (EPERM) | allow (1)\n");
}

}  // namespace
}  // namespace vitrine::test
