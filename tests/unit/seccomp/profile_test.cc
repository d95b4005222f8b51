#include "seccomp/profile.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "seccomp/resolve.h"
#include "seccomp/sources.h"
#include "support/scratch.h"

namespace vitrine::seccomp {
namespace {

struct Broken {
    const char* json;
    const char* complaint;
};

class BrokenProfile : public testing::TestWithParam<Broken> {};

TEST_P(BrokenProfile, IsRefusedWithItsPlace) {
    try {
        (void)parse_profile(GetParam().json);
        FAIL() << "accepted: " << GetParam().json;
    } catch (const UsageError& error) {
        EXPECT_NE(std::string(error.what()).find(GetParam().complaint), std::string::npos)
            << error.what();
    }
}

INSTANTIATE_TEST_SUITE_P(
    Profiles, BrokenProfile,
    testing::Values(
        Broken{"", "not valid JSON"}, Broken{"{", "not valid JSON"},
        Broken{"[]", "must be an object"}, Broken{"{}", "'defaultAction' is missing"},
        Broken{R"({"defaultAction": 1})", "defaultAction: must be a string"},
        Broken{R"({"defaultAction": "SCMP_ACT_NO"})", "unknown action 'SCMP_ACT_NO'"},
        Broken{R"({"defaultAction": "SCMP_ACT_NOTIFY"})", "needs a listener"},
        Broken{R"({"defaultAction": "SCMP_ACT_ALLOW", "x": 1})", "unknown key 'x'"},
        Broken{R"({"defaultAction": "SCMP_ACT_ALLOW", "defaultAction": "SCMP_ACT_LOG"})",
               "'defaultAction' is given twice"},
        Broken{R"({"defaultAction": "SCMP_ACT_ALLOW", "defaultErrnoRet": 1})", "has no meaning"},
        Broken{R"({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 5000})", "from 0 to 4095"},
        Broken{R"({"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_Z80"]})",
               "architectures[0]: unknown architecture"},
        Broken{R"({"defaultAction": "SCMP_ACT_ERRNO", "flags": ["X"]})",
               "flags[0]: unknown flag 'X'"},
        Broken{
            R"({"defaultAction": "SCMP_ACT_ERRNO", "flags": ["SECCOMP_FILTER_FLAG_SPEC_ALLOW"]})",
            "flags[0]: SECCOMP_FILTER_FLAG_SPEC_ALLOW would take"},
        Broken{R"({"defaultAction": "SCMP_ACT_ERRNO", "listenerPath": "/run/x"})",
               "listenerPath: would hand"},
        Broken{R"({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrno": "ENOTHING"})",
               "defaultErrno: unknown errno 'ENOTHING'"},
        Broken{
            R"({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1, "defaultErrno": "ENOSYS"})",
            "defaultErrno: contradicts 'defaultErrnoRet'"},
        Broken{R"({"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86"],
                  "archMap": [{"architecture": "SCMP_ARCH_X86_64"}]})",
               "both 'architectures' and 'archMap'"},
        Broken{
            R"({"defaultAction": "SCMP_ACT_ERRNO", "archMap": [{"architecture": "SCMP_ARCH_X86_64",
                  "subArchitectures": ["SCMP_ARCH_X86", "x32"]}]})",
            "archMap[0].subArchitectures[1]: unknown architecture 'x32'"},
        Broken{R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"],
                  "action": "SCMP_ACT_ALLOW", "excludes": {"caps": ["CAP_SYS_ADMIN", "CAP_X"]}}]})",
               "syscalls[0].excludes.caps[1]: unknown capability 'CAP_X'"},
        Broken{R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read", 7],
                  "action": "SCMP_ACT_ALLOW"}]})",
               "syscalls[0].names[1]: must be a string"},
        Broken{R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"action": "SCMP_ACT_ALLOW"}]})",
               "syscalls[0]: names no system call"},
        Broken{R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"]}]})",
               "syscalls[0]: 'action' is missing"},
        Broken{R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls":
                  [{"names": ["a"], "name": "b", "action": "SCMP_ACT_ALLOW"}]})",
               "both 'name' and 'names'"},
        Broken{R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"],
                  "action": "SCMP_ACT_ALLOW", "args": [{"index": 6, "value": 1, "op": "SCMP_CMP_EQ"}]}]})",
               "syscalls[0].args[0].index"},
        Broken{R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"],
                  "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": -1, "op": "SCMP_CMP_EQ"}]}]})",
               "syscalls[0].args[0].value"},
        Broken{R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"],
                  "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 1, "op": "EQ"}]}]})",
               "syscalls[0].args[0].op: unknown operator"},
        Broken{R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"],
                  "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "new"}}]})",
               "syscalls[0].includes.minKernel"},
        Broken{R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"],
                  "action": "SCMP_ACT_ALLOW", "errnoRet": 1}]})",
               "syscalls[0].errnoRet: has no meaning"}));

TEST(Profile, NestedWithoutEndIsRefused) {
    const std::string deep = std::string(100000, '[');
    EXPECT_THROW((void)parse_profile(deep), UsageError);
}

TEST(Profile, OfTooManyNamesIsRefused) {
    std::string names = "\"read\"";
    for (int i = 1; i < 1024; ++i)
        names += ", \"read\"";
    std::string json = R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [)";
    for (int i = 0; i < 17; ++i) {
        json +=
            concat(i > 0 ? "," : "", R"({"names": [)", names, R"(], "action": "SCMP_ACT_ALLOW"})");
    }
    try {
        (void)parse_profile(json + "]}");
        FAIL();
    } catch (const UsageError& error) {
        EXPECT_NE(std::string(error.what()).find("syscalls[16]"), std::string::npos);
    }
}

TEST(Profile, OfFiftyMegabytesIsNotEvenRead) {
    const test::Scratch scratch;
    const std::string path = scratch.write("big.json", std::string(std::size_t{50} << 20, ' '));
    EXPECT_THROW((void)read_parts(path, scratch.path()), Error);
}

TEST(Profile, PodmansErrnosAreTakenByName) {
    const Profile profile = parse_profile(
        R"({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38, "defaultErrno": "ENOSYS",
            "flags": ["SECCOMP_FILTER_FLAG_TSYNC"], "listenerPath": "",
            "syscalls": [{"names": ["bdflush"], "action": "SCMP_ACT_ERRNO", "errno": "EINVAL"}]})");
    EXPECT_EQ(profile.default_errno, 38U);
    EXPECT_EQ(profile.rules.at(0).errno_value, 22U);
}

TEST(Resolve, SaysWhyARuleDoesNotCount) {
    const auto verdict = [](const std::string& filters, std::vector<std::string> held = {}) {
        const Profile profile = parse_profile(
            concat(R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"],
                       "action": "SCMP_ACT_ALLOW", )",
                   filters, "}]}"));
        const HostFacts host{.arch = find_architecture("x86_64"),
                             .kernel = {5, 10},
                             .capabilities = std::move(held)};
        return describe(judge(profile.rules.at(0), host));
    };
    EXPECT_EQ(verdict(R"("includes": {})"), "");
    EXPECT_EQ(verdict(R"("includes": {"caps": ["CAP_BPF"]})"), "needs CAP_BPF");
    EXPECT_EQ(verdict(R"("includes": {"caps": ["CAP_BPF"]})", {"CAP_BPF"}), "");
    EXPECT_EQ(verdict(R"("excludes": {"caps": ["CAP_BPF"]})"), "");
    EXPECT_EQ(verdict(R"("excludes": {"caps": ["CAP_BPF"]})", {"CAP_BPF"}),
              "is for processes without CAP_BPF");
    EXPECT_EQ(verdict(R"("includes": {"arches": ["arm", "arm64"]})"), "is for arm, arm64");
    EXPECT_EQ(verdict(R"("excludes": {"arches": ["amd64"]})"), "is not for amd64");
    EXPECT_EQ(verdict(R"("includes": {"minKernel": "5.11"})"), "needs Linux 5.11");
    EXPECT_EQ(verdict(R"("includes": {"minKernel": "5.10"})"), "");
    EXPECT_EQ(verdict(R"("excludes": {"minKernel": "5.10"})"), "is for kernels before Linux 5.10");
}

TEST(Sources, AreJoinedByPlus) {
    const test::Scratch scratch;
    scratch.write("one.json", "{}");
    const std::string odd = scratch.write("c++.json", "[]");
    const auto parts = read_parts("one+" + scratch.path() + "/one.json", scratch.path());
    ASSERT_EQ(parts.size(), 2U);
    EXPECT_EQ(parts[1].name, scratch.path() + "/one.json");
    EXPECT_EQ(read_parts(odd, scratch.path()).at(0).json, "[]");
    for (const char* broken : {"one+", "+one", "one++one", ""})
        EXPECT_THROW((void)read_parts(broken, scratch.path()), UsageError) << broken;
}

TEST(Profile, AnOciConfigIsTakenApart) {
    const Profile profile = parse_profile(
        R"({"ociVersion": "1.0.2", "linux": {"seccomp": {"defaultAction": "SCMP_ACT_ALLOW",
            "architectures": ["SCMP_ARCH_X86_64"]}}})");
    EXPECT_EQ(profile.default_action, Action::kAllow);
}

TEST(Filter, UnknownNamesListTheKnown) {
    const test::Scratch scratch;
    scratch.write("one.json", "{}");
    try {
        (void)read_parts("two", scratch.path());
        FAIL();
    } catch (const UsageError& error) {
        EXPECT_NE(error.hint().find("one"), std::string::npos);
    }
    EXPECT_THROW((void)read_parts("unconfined", scratch.path()), UsageError);
    EXPECT_THROW((void)read_parts("./missing.json", scratch.path()), Error);
}

TEST(Filter, NamesTheDeniedCallsFate) {
    EXPECT_EQ(describe_action(Action::kErrno, std::nullopt), "errno 1 (EPERM)");
    EXPECT_EQ(describe_action(Action::kErrno, 38), "errno 38 (ENOSYS)");
    EXPECT_EQ(describe_action(Action::kKillProcess, std::nullopt), "kill process");
}

}  // namespace
}  // namespace vitrine::seccomp
