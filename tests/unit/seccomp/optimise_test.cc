// Shortened and joined programs against what libseccomp makes of the profiles.
#include <gtest/gtest.h>
#include <sys/syscall.h>

#include <random>

#include "base/error.h"
#include "seccomp/assemble.h"
#include "seccomp/compile.h"
#include "seccomp/decisions.h"
#include "seccomp/filter.h"
#include "seccomp/prove.h"
#include "support.h"
#include "support/random_profile.h"

namespace vitrine::seccomp {
namespace {

using test::decide;
using test::denied;
using test::kAllow;
using test::shipped;

HostFacts host(const char* arch, SubArchitectures below = SubArchitectures::kOff) {
    return {.arch = find_architecture(arch), .kernel = {6, 12}, .sub_architectures = below};
}

ResolvedProfile resolved(const std::string& json, const HostFacts& facts = host("x86_64")) {
    return resolve(parse_profile(json), facts);
}

Filter filter_of(std::initializer_list<std::string> profiles,
                 const HostFacts& facts = host("x86_64")) {
    std::vector<ProfilePart> parts;
    for (const std::string& json : profiles)
        parts.push_back({.name = "part", .json = json});
    return compile_filter(parts, facts);
}

std::string socket_profile(const std::string& default_action, const std::string& action,
                           int errno_value, std::uint64_t family) {
    return concat(R"({"defaultAction": "SCMP_ACT_)", default_action,
                  R"(", "syscalls": [{"names": ["socket"], "action": "SCMP_ACT_)", action, "\", ",
                  action == "ERRNO" ? concat("\"errnoRet\": ", errno_value, ", ") : "",
                  R"("args": [{"index": 0, "value": )", family, R"(, "op": "SCMP_CMP_EQ"}]}]})");
}

TEST(Stricter, GoesByTheKernelsOrderOfActions) {
    const std::vector<std::uint32_t> order{
        SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_THREAD, SECCOMP_RET_TRAP, denied(EPERM),
        SECCOMP_RET_TRACE | 1,    SECCOMP_RET_LOG,         SECCOMP_RET_ALLOW};
    for (std::size_t i = 0; i < order.size(); ++i) {
        for (std::size_t j = i; j < order.size(); ++j) {
            EXPECT_EQ(stricter(order[i], order[j]), order[i]);
            EXPECT_EQ(stricter(order[j], order[i]), order[i]);
        }
    }
}

TEST(Stricter, OfTwoErrnosEnosysWinsAndOfOthersTheFirst) {
    EXPECT_EQ(stricter(denied(EPERM), denied(ENOSYS)), denied(ENOSYS));
    EXPECT_EQ(stricter(denied(ENOSYS), denied(EPERM)), denied(ENOSYS));
    EXPECT_EQ(stricter(denied(EPERM), denied(EINVAL)), denied(EPERM));
    EXPECT_EQ(stricter(denied(EINVAL), denied(EPERM)), denied(EINVAL));
}

TEST(Intersection, DeniesWhatEitherSideDenies) {
    const Filter filter = filter_of(
        {socket_profile("ALLOW", "ERRNO", 1, 38), socket_profile("ALLOW", "ERRNO", 38, 40)});
    ASSERT_EQ(filter.programs.size(), 1U) << filter.warning;
    EXPECT_EQ(decide(filter.programs[0], SYS_socket, {38}), denied(EPERM));
    EXPECT_EQ(decide(filter.programs[0], SYS_socket, {40}), denied(ENOSYS));
    EXPECT_EQ(decide(filter.programs[0], SYS_socket, {2}), kAllow);
    EXPECT_EQ(decide(filter.programs[0], SYS_socket, {38 | 1ULL << 32}), kAllow);
    EXPECT_EQ(decide(filter.programs[0], SYS_mount), kAllow);
}

TEST(Intersection, OfAnAllowListAndADenyListKeepsBoth) {
    const Filter filter = filter_of(
        {socket_profile("ERRNO", "ALLOW", 1, 38), socket_profile("ALLOW", "KILL_PROCESS", 1, 38)});
    ASSERT_EQ(filter.programs.size(), 1U) << filter.warning;
    EXPECT_EQ(decide(filter.programs[0], SYS_socket, {38}), SECCOMP_RET_KILL_PROCESS);
    EXPECT_EQ(decide(filter.programs[0], SYS_socket, {1}), denied(EPERM));
}

TEST(Default, AllowsThreeFamiliesOfSocketsByAllTheirBits) {
    const Filter filter = filter_of({shipped("docker-default"), shipped("hardened")});
    ASSERT_EQ(filter.programs.size(), 1U) << filter.warning;
    const Program& program = filter.programs[0];
    for (const int call : {SYS_socket, SYS_socketpair}) {
        for (std::uint64_t family = 0; family < 64; ++family) {
            const bool is_known = family == 1 || family == 2 || family == 10;
            const auto number = static_cast<std::uint32_t>(call);
            EXPECT_EQ(decide(program, number, {family}), is_known ? kAllow : denied(EPERM));
            EXPECT_EQ(decide(program, number, {family | 1ULL << 32}), denied(EPERM)) << family;
            EXPECT_EQ(decide(program, number, {family | 1ULL << 63}), denied(EPERM)) << family;
        }
    }
    EXPECT_EQ(decide(program, SYS_clone3), denied(ENOSYS));
    EXPECT_EQ(decide(program, 5000), denied(ENOSYS));
}

TEST(Optimiser, MakesShortProgramsOfEveryShippedProfileOnEveryArchitecture) {
    for (const char* name : {"docker-default", "hardened", "python-strict"}) {
        for (const ArchFamily& family : parse_profile(shipped(name)).arch_map) {
            if (family.architecture == "SCMP_ARCH_LOONGARCH64") continue;  // Not in libseccomp 2.5.
            for (const auto below : {SubArchitectures::kOff, SubArchitectures::kOn}) {
                const HostFacts facts = host(family.architecture.c_str(), below);
                const Filter filter = filter_of({shipped(name)}, facts);
                EXPECT_EQ(filter.warning, "") << name << " " << family.architecture;
                ASSERT_EQ(filter.programs.size(), 1U);
                const auto plain = compile(resolved(shipped(name), facts), Order::kPriority);
                if (std::string_view(name) == "hardened") continue;  // It names two calls.
                EXPECT_LT(filter.programs[0].size() * 3 / 2, plain.program.size());
            }
        }
    }
}

TEST(Optimiser, AgreesWithLibseccompOnRandomProfiles) {
    std::mt19937_64 random(20261124);  // NOLINT(cert-msc51-cpp): the same profiles every time.
    const auto draw = [&](std::uint64_t below) { return random() % below; };
    int joined = 0;
    for (int round = 0; round < 40; ++round) {
        const std::string first = vitrine::test::random_profile(draw);
        const std::string second = vitrine::test::random_profile(draw);
        try {
            const Filter filter = filter_of({first, second});
            EXPECT_EQ(filter.warning, "") << first << "\n" << second;
            ++joined;
        } catch (const UsageError&) {
            continue;  // Rules that contradict each other.
        }
    }
    EXPECT_GT(joined, 20);
}

/// The proof must be able to fail.
TEST(Proof, FindsAnyOneWrongDecision) {
    const ResolvedProfile profile = resolved(socket_profile("ERRNO", "ALLOW", 1, 38));
    const std::vector<Program> reference{compile(profile).program};
    const Program right = assemble(*read_decisions(reference[0]));
    const std::vector<Probe> probes = probes_for(profile);
    EXPECT_FALSE(find_disagreement(reference, right, probes));
    for (std::size_t at = 0; at < right.size(); ++at) {
        if (BPF_CLASS(right[at].code) == BPF_LD) continue;
        Program wrong = right;
        wrong[at].k ^= 1;
        if (BPF_CLASS(right[at].code) == BPF_JMP && right[at].k >= kX32Bit &&
            right[at].k != AUDIT_ARCH_X86_64) {
            continue;  // One number further among those that no kernel has.
        }
        EXPECT_TRUE(find_disagreement(reference, wrong, probes)) << at;
    }
}

TEST(Proof, SeesTheHighHalfOfAnArgument) {
    const ResolvedProfile profile = resolved(socket_profile("ERRNO", "ALLOW", 1, 38));
    const std::vector<Program> reference{compile(profile).program};
    Decisions decisions = *read_decisions(reference[0]);
    constexpr std::uint32_t kHighWord = offsetof(seccomp_data, args) + 4;
    for (Node& node : decisions.nodes) {
        if (node.kind != Node::Kind::kOutcome && node.offset == kHighWord) node.no = node.yes;
    }
    const auto found = find_disagreement(reference, assemble(decisions), probes_for(profile));
    ASSERT_TRUE(found);
    EXPECT_GT(found->call.args[0], 0xffffffffU);
}

TEST(NewerCalls, AreRefusedByEachArchitecturesOwnMeasure) {
    const HostFacts facts = host("x86_64", SubArchitectures::kOn);
    const Program program = filter_of({shipped("docker-default")}, facts).programs.at(0);
    EXPECT_EQ(decide(program, 466), kAllow);
    EXPECT_EQ(decide(program, 467), denied(ENOSYS));
    // libseccomp knows x86 up to 456; x32 has calls of its own up to 547.
    EXPECT_EQ(decide(program, kX32Bit | SYS_read), kAllow);
    EXPECT_EQ(decide(program, kX32Bit | 456), kAllow);
    EXPECT_EQ(decide(program, kX32Bit | 466), denied(EPERM));
    constexpr std::uint32_t kX32Execve = 520;
    EXPECT_EQ(decide(program, kX32Bit | kX32Execve), kAllow);
    EXPECT_EQ(decide(program, kX32Bit | 600), denied(ENOSYS));
    EXPECT_EQ(decide(program, 3, {}, AUDIT_ARCH_I386), kAllow);
    EXPECT_EQ(decide(program, 457, {}, AUDIT_ARCH_I386), denied(ENOSYS));
    EXPECT_EQ(decide(program, 0, {}, AUDIT_ARCH_AARCH64), SECCOMP_RET_KILL_PROCESS);
}

TEST(NewerCalls, AreLeftToADefaultThatLetsThemThrough) {
    const Filter filter = filter_of({socket_profile("ALLOW", "ERRNO", 1, 38)});
    EXPECT_EQ(decide(filter.programs.at(0), 5000), kAllow);
}

TEST(NewerCalls, OnS390IncludeCallZero) {
    const Filter filter = filter_of({shipped("docker-default")}, host("s390x"));
    EXPECT_EQ(decide(filter.programs.at(0), 0, {}, AUDIT_ARCH_S390X), denied(ENOSYS));
    EXPECT_EQ(decide(filter.programs.at(0), 3, {}, AUDIT_ARCH_S390X), kAllow);
}

TEST(Compile, ForAnotherArchitectureListsWhatItCannotTranslate) {
    const Filter filter = filter_of({shipped("docker-default")}, host("aarch64"));
    EXPECT_NE(std::ranges::find(filter.skipped, "mseal"), filter.skipped.end());
    constexpr std::uint32_t kReadOnArm = 63;
    EXPECT_EQ(decide(filter.programs.at(0), kReadOnArm, {}, AUDIT_ARCH_AARCH64), kAllow);
    EXPECT_EQ(decide(filter.programs.at(0), SYS_read), SECCOMP_RET_KILL_PROCESS);
}

TEST(Compile, SubArchitecturesListCallsThatExistOnTheNativeAlone) {
    const Filter filter =
        filter_of({shipped("docker-default")}, host("x86_64", SubArchitectures::kOn));
    EXPECT_NE(std::ranges::find(filter.skipped, "mseal on x32"), filter.skipped.end());
    EXPECT_EQ(std::ranges::find(filter.skipped, "mseal"), filter.skipped.end());
    EXPECT_EQ(std::ranges::find(filter.skipped, "socketcall"), filter.skipped.end());
}

TEST(Decisions, OfWhatLibseccompWouldNotWriteAreNone) {
    EXPECT_FALSE(read_decisions({}));
    const Program scratch{BPF_STMT(BPF_LD | BPF_IMM, 1), BPF_STMT(BPF_RET | BPF_K, 0)};
    EXPECT_FALSE(read_decisions(scratch));
    const Program endless{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0)};
    EXPECT_FALSE(read_decisions(endless));
    const Program by_bits{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
                          BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 3, 0, 1),
                          BPF_STMT(BPF_RET | BPF_K, 0), BPF_STMT(BPF_RET | BPF_K, kAllow)};
    EXPECT_FALSE(read_decisions(by_bits));
}

TEST(Filter, ThatCannotBeProvenIsLibseccompsOwn) {
    std::string rules;
    for (std::uint64_t value = 0; value < 150; ++value) {
        rules += concat(value > 0 ? "," : "", R"({"names": ["ioctl"], "action": "SCMP_ACT_ERRNO",)",
                        R"("args": [{"index": 1, "value": )", value, R"(, "op": "SCMP_CMP_EQ"}]})");
    }
    const std::string json =
        concat(R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [)", rules, "]}");
    const Filter filter = filter_of({json, shipped("hardened")});
    EXPECT_NE(filter.warning.find("not shortened"), std::string::npos);
    // The kernel takes the errno of the filter installed last: that is the first one's.
    ASSERT_EQ(filter.programs.size(), 2U);
    EXPECT_EQ(decide(filter.programs[0], SYS_socket, {38}), denied(EPERM));
    EXPECT_EQ(decide(filter.programs[1], SYS_ioctl, {0, 149}), denied(EPERM));
}

TEST(Assemble, KeepsEveryConditionOfACall) {
    constexpr std::uint64_t kStep = 7919;
    std::string rules;
    for (std::uint64_t value = 0; value < 90; ++value) {
        rules += concat(value > 0 ? "," : "", R"({"names": ["ioctl"], "action": "SCMP_ACT_ERRNO",)",
                        R"("errnoRet": )", 1 + value, R"(, "args": [{"index": 1, "value": )",
                        value * kStep, R"(, "op": "SCMP_CMP_EQ"}]})");
    }
    const Filter filter =
        filter_of({concat(R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [)", rules, "]}")});
    EXPECT_EQ(filter.warning, "");
    for (std::uint64_t value = 0; value < 90; ++value) {
        EXPECT_EQ(decide(filter.programs.at(0), SYS_ioctl, {0, value * kStep}),
                  denied(static_cast<int>(1 + value)));
    }
    EXPECT_EQ(decide(filter.programs.at(0), SYS_ioctl, {0, 1}), SECCOMP_RET_ALLOW);
}

}  // namespace
}  // namespace vitrine::seccomp
