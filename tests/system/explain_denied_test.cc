// `--explain-denied`: a program sees what it sees without, and its caller is told.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "seccomp/bpf_machine.h"
#include "seccomp/filter.h"
#include "seccomp/sources.h"
#include "support/batch.h"
#include "support/scratch.h"
#include "support/vitrine_program.h"

namespace vitrine::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

constexpr std::uint32_t kNumbers = 1100;

constexpr const char* kCalls = R"(
import ctypes, vitrine
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
def outcome(number, *arguments):
    ctypes.set_errno(0)
    done = libc.syscall(ctypes.c_long(number), *map(ctypes.c_long, arguments or (0,) * 6))
    return [done, ctypes.get_errno()]
)";

constexpr const char* kMounts = "for _ in range(3): outcome(165, 5)\noutcome(250)\nprint('done')\n";

std::string joined(const json& numbers) {
    std::string text;
    for (const auto& number : numbers)
        text += concat(text.empty() ? "" : ", ", number.get<std::uint32_t>());
    return text;
}

/// The calls that get an errno whatever their arguments may be, zeros here: number, and what the
/// program gets.
json denials_of(const std::string& profile) {
    const auto filter = seccomp::compile_filter(
        seccomp::read_parts(profile, VITRINE_SOURCE_ROOT "/profiles"), seccomp::host_facts());
    json denials = json::object();
    denials["numbers"] = json::array();
    denials["outcomes"] = json::array();
    for (std::uint32_t number = 0; number < kNumbers; ++number) {
        // No filter is asked about x86-64's uretprobe and uprobe: see docs/seccomp.md.
        if (number == 335 || number == 336) continue;
        const seccomp_data call{.nr = static_cast<int>(number),
                                .arch = seccomp::native_architecture().audit};
        const std::uint32_t outcome = seccomp::run_filter(filter.programs.front(), call);
        if ((outcome & SECCOMP_RET_ACTION_FULL) != SECCOMP_RET_ERRNO) continue;
        const std::uint32_t error_number = outcome & SECCOMP_RET_DATA;
        denials["numbers"].push_back(number);
        denials["outcomes"].push_back({error_number == 0 ? 0 : -1, error_number});
    }
    return denials;
}

/// Where they differ first; empty where they do not.
std::string difference(const json& numbers, const json& expected, const json& found) {
    if (!found.is_array() || found.size() != expected.size())
        return concat("no outcomes: ", std::string_view(found.dump().substr(0, 100)));
    for (std::size_t i = 0; i < expected.size(); ++i) {
        if (expected[i] != found[i])
            return concat("call ", numbers[i].get<int>(), ": ", expected[i].dump(), " became ",
                          found[i].dump());
    }
    return {};
}

void expect_the_same_with_and_without(const std::string& profile, std::size_t at_least,
                                      std::vector<std::string> flags = {}) {
    const json denials = denials_of(profile);
    ASSERT_GE(denials["numbers"].size(), at_least);
    const std::string code =
        concat(kCalls, "vitrine.result([outcome(n) for n in (", joined(denials["numbers"]), ",)])");
    const std::string option = concat("seccomp=", profile);
    flags.insert(flags.end(), {"--security-opt", option});
    const json without = result_unvalidated(code, flags);
    flags.emplace_back("--explain-denied");
    const json with = result_unvalidated(code, flags);
    const json& expected = denials["outcomes"];
    EXPECT_EQ(difference(denials["numbers"], expected, without["value"]), "") << profile;
    EXPECT_EQ(difference(denials["numbers"], expected, with["value"]), "") << profile;
    std::uint64_t told = 0;
    for (const json& call : with["denied_syscalls"])
        told += call["count"].get<std::uint64_t>();
    EXPECT_GE(told, denials["numbers"].size());
    EXPECT_EQ(without["denied_syscalls"], json::array());
}

TEST(ExplainDenied, EveryDeniedCallReturnsWhatItReturnsWithout) {
    expect_the_same_with_and_without("docker-default+hardened", 600);
    expect_the_same_with_and_without("docker-default", 600);
    expect_the_same_with_and_without("python-strict+hardened", 600);
}

/// The filter for such a bind comes before any listener, and knows some of the calls as well.
TEST(ExplainDenied, EveryDeniedCallReturnsTheSameBesideAWritableBind) {
    const Scratch scratch;
    const std::vector<std::string> flags{"--bind", concat(scratch.path(), ":/data/out")};
    expect_the_same_with_and_without("docker-default+hardened", 600, flags);
    expect_the_same_with_and_without("python-strict+hardened", 600, flags);
}

TEST(ExplainDenied, ErrnosThatNobodyUsesAreReturnedToo) {
    const Scratch scratch;
    const std::string profile = scratch.write("odd.json", R"({
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["getppid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95},
                     {"names": ["getpgrp"], "action": "SCMP_ACT_ERRNO", "errnoRet": 0},
                     {"names": ["getpgid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 3000}]})");
    expect_the_same_with_and_without(profile, 3);
}

TEST(ExplainDenied, ArgumentsDecideAsTheyDoWithout) {
    const std::string code = concat(kCalls, R"(
vitrine.result([[outcome(41, family | high << 32, 1, 0)[1] for family in range(46)] for high in (0, 1)] +
               [outcome(135, persona)[1] for persona in (0, 8, 0x20000, 0x20008, 0xffffffff, 0x40000)] +
               [outcome(56, 0x10000000 | 17, 0, 0, 0, 0)])
)");
    const json without = result_unvalidated(code);
    ASSERT_TRUE(without["value"].is_array()) << without;
    EXPECT_EQ(result_unvalidated(code, {"--explain-denied"})["value"], without["value"]);
}

TEST(ExplainDenied, TellsNameArchitectureArgumentsCountRuleAndRemedy) {
    const json result =
        result_unvalidated(concat(kCalls, kMounts), {"--explain-denied"})["denied_syscalls"];
    ASSERT_EQ(result.size(), 2U) << result;
    const json& mount = result[0];
    EXPECT_EQ(mount["name"], "mount");
    EXPECT_EQ(mount["nr"], 165);
    EXPECT_EQ(mount["arch"], seccomp::native_architecture().short_name);
    EXPECT_EQ(mount["errno"], EPERM);
    EXPECT_EQ(mount["count"], 3);
    ASSERT_EQ(mount["args"].size(), 6U);
    EXPECT_EQ(mount["args"][0], "0x5");
    EXPECT_THAT(mount["rule"].get<std::string>(), HasSubstr("docker-default"));
    EXPECT_THAT(mount["rule"].get<std::string>(), HasSubstr("needs CAP_SYS_ADMIN"));
    EXPECT_THAT(mount["allowed_by"].get<std::string>(), HasSubstr("an entry for 'mount'"));
    EXPECT_EQ(result[1]["name"], "keyctl");
    EXPECT_EQ(result[1]["count"], 1);
}

TEST(ExplainDenied, WhatIsSaidToAllowACallDoes) {
    const Scratch scratch;
    const std::string profile = scratch.write("wider.json", R"({"defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["getppid"], "action": "SCMP_ACT_ERRNO"}]})");
    const json result =
        result_unvalidated(concat(kCalls, kMounts),
                           {"--explain-denied", "--security-opt", concat("seccomp=", profile)});
    EXPECT_EQ(result["denied_syscalls"], json::array());
}

TEST(ExplainDenied, ATableForPeopleFollowsTheProgram) {
    const Answer answer = run_code(concat(kCalls, kMounts), {"--no-validate", "--explain-denied"});
    EXPECT_EQ(answer.exit_code, 0);
    EXPECT_EQ(answer.out, "done\n");
    EXPECT_THAT(answer.err, HasSubstr("system calls that the filter denied (docker-default+hard"));
    EXPECT_THAT(answer.err, HasSubstr("mount   EPERM  3"));
    EXPECT_THAT(answer.err, HasSubstr("to allow it: CAP_SYS_ADMIN, which no job has"));
    const Answer quiet = run_code("pass", {"--explain-denied"});
    EXPECT_THAT(quiet.err, HasSubstr("the filter denied no system call"));
    EXPECT_THAT(run_code("pass").err, Not(HasSubstr("denied")));
}

TEST(ExplainDenied, WarmRunsAreToldOfOneByOne) {
    const json program{{"source", concat(kCalls, kMounts)}};
    const json harmless{{"source", "print(1)"}};
    for (const char* kind : {"--warm", "--cold"}) {
        std::vector<std::string> flags{"--no-validate", "--explain-denied"};
        if (std::string(kind) == "--cold") flags.emplace_back(kind);
        const Answer answer =
            batch(lines_of({program, harmless, program, harmless, program}), flags);
        const auto results = results_in(answer.out);
        ASSERT_EQ(results.size(), 5U) << answer.err;
        for (const json& result : results) {
            EXPECT_EQ(result["status"], "exited") << result;
            const bool is_harmless = result["stdout"]["text"] == "1\n";
            ASSERT_EQ(result["denied_syscalls"].size(), is_harmless ? 0U : 2U) << kind;
            if (is_harmless) continue;
            EXPECT_EQ(result["denied_syscalls"][0]["count"], 3) << kind;
        }
    }
}

TEST(ExplainDenied, WarmSandboxesOfJobsThatDoNotAskAreOthers) {
    const Answer answer =
        run_vitrine({.arguments = {"run", "--repeat", "2", "--no-validate", "--result", "-", "-c",
                                   concat(kCalls, kMounts)}});
    for (const json& result : results_in(answer.out))
        EXPECT_EQ(result["denied_syscalls"], json::array());
}

TEST(ExplainDenied, IsRefusedUnderAFilterThatWouldAnswerFirst) {
    const auto under_filter = [](std::vector<std::string> flags) {
        std::vector<std::string> words{"", "1", vitrine_path(), "run", "--result", "-"};
        words.insert(words.end(), flags.begin(), flags.end());
        words.insert(words.end(), {"-c", "print(1)"});
        return run_program(VITRINE_UNDER_FILTER, {.arguments = words});
    };
    // The control: that filter is in nobody's way.
    EXPECT_EQ(under_filter({}).result()["status"], "exited");
    const Answer refused = under_filter({"--explain-denied"});
    EXPECT_EQ(refused.exit_code, 125);
    const json result = refused.result();
    EXPECT_EQ(result["status"], "setup_error");
    EXPECT_EQ(result["error"]["step"], "listen-to-filter");
    EXPECT_THAT(result["error"]["message"].get<std::string>(),
                HasSubstr("a seccomp filter is on this process already"));
    EXPECT_THAT(result["error"]["hint"].get<std::string>(), HasSubstr("outside of the container"));
}

/// Where the profile denies what the payload needs to give the listener up, nothing runs.
TEST(ExplainDenied, NothingRunsWhereTheListenerCannotBeClosed) {
    const Scratch scratch;
    const std::string profile =
        scratch.write("no-close.json", R"({"defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["close"], "action": "SCMP_ACT_ERRNO"}]})");
    const json result =
        result_of("print(1)", {"--explain-denied", "--security-opt", concat("seccomp=", profile)});
    EXPECT_EQ(result["status"], "setup_error") << result;
    EXPECT_EQ(result["error"]["step"], "seccomp");
    EXPECT_THAT(result["error"]["message"].get<std::string>(), HasSubstr("close"));
    EXPECT_EQ(result["stdout"]["text"], "");
}

/// Neither does it hang where that profile denies the payload's wait, or its report.
TEST(ExplainDenied, DoesNotHangWhereReadingOrWritingIsDenied) {
    const Scratch scratch;
    for (const char* call : {"read", "write"}) {
        const std::string profile = scratch.write(
            concat(call, ".json"), concat(R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
                {"names": [")",
                                          call, R"("], "action": "SCMP_ACT_ERRNO"}]})"));
        const json result =
            result_of("pass", {"--explain-denied", "--security-opt", concat("seccomp=", profile)});
        EXPECT_NE(result["status"], "timeout") << call << result;
    }
}

}  // namespace
}  // namespace vitrine::test
