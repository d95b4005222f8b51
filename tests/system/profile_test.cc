// `vitrine profile` as its users call it.
#include <gtest/gtest.h>

#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "support/scratch.h"
#include "support/vitrine_program.h"

namespace vitrine::test {
namespace {

Answer profile(std::vector<std::string> words) {
    words.insert(words.begin(), "profile");
    return run_vitrine({.arguments = std::move(words)});
}

nlohmann::json profile_json(std::vector<std::string> words) {
    words.emplace_back("--json");
    const Answer answer = profile(std::move(words));
    EXPECT_EQ(answer.exit_code, 0) << answer.err;
    return answer.result();
}

bool says(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

/// The row of one call in `show --effective --json`.
nlohmann::json row_of(const nlohmann::json& shown, const std::string& name) {
    for (const auto& row : shown["calls"]) {
        if (row["name"] == name) return row;
    }
    throw Error(concat("no row for ", name));
}

TEST(ProfileShow, TellsWhyARuleIsLeftOut) {
    const Answer answer = profile({"show", "docker-default"});
    EXPECT_EQ(answer.exit_code, 0);
    EXPECT_TRUE(says(answer.out, "docker-default: default errno 1 (EPERM)")) << answer.out;
    EXPECT_TRUE(says(answer.out, "chroot; needs CAP_SYS_CHROOT"));
    EXPECT_TRUE(says(answer.out, "is for s390, s390x"));
    const auto rules = profile_json({"show", "docker-default"})["profiles"][0]["rules"];
    EXPECT_EQ(rules.size(), 33U);
    EXPECT_EQ(rules[0]["counts"], true);
}

TEST(ProfileShow, EffectiveNamesTheSideThatDenies) {
    const auto shown = profile_json({"show", "--effective", "docker-default+hardened"});
    const auto mount = row_of(shown, "mount");
    EXPECT_EQ(mount["outcome"], "errno 1 (EPERM)");
    EXPECT_EQ(mount["denied_by"], nlohmann::json({"docker-default"}));
    EXPECT_EQ(mount["profiles"][0]["left_out"][0]["why"], "needs CAP_SYS_ADMIN");
    EXPECT_EQ(row_of(shown, "read")["outcome"], "allow");
    EXPECT_EQ(row_of(shown, "clone3")["outcome"], "errno 38 (ENOSYS)");
    EXPECT_TRUE(row_of(shown, "socket")["outcome"].is_null());
    const Answer text = profile({"show", "--effective"});
    EXPECT_TRUE(says(text.out, "docker-default: its default; syscalls[")) << text.out;
}

TEST(ProfileShow, AnswersForOtherHosts) {
    const auto able =
        profile_json({"show", "--effective", "--cap", "CAP_SYS_ADMIN", "docker-default"});
    EXPECT_EQ(row_of(able, "mount")["outcome"], "allow");
    const auto old = profile_json({"show", "--effective", "--kernel", "4.4", "docker-default"});
    EXPECT_EQ(row_of(old, "ptrace")["outcome"], "errno 1 (EPERM)");
    const auto arm = profile_json({"show", "--effective", "--arch", "aarch64", "docker-default"});
    EXPECT_EQ(row_of(arm, "openat")["number"], 56);
}

TEST(ProfileStats, CountsAsAReaderWould) {
    const Scratch scratch;
    const std::string path = scratch.write("p.json", R"({"defaultAction": "SCMP_ACT_ERRNO",
        "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [
        {"names": ["read", "write", "read"], "action": "SCMP_ACT_ALLOW"},
        {"name": "read", "action": "SCMP_ACT_ALLOW"}]})");
    EXPECT_EQ(profile({"stats", path}).out,
              path + ": 4 lines, 2 groups, 4 names (2 distinct), 0 conditions, 1 architectures\n");
}

TEST(ProfileStats, OfMobysSeedProfile) {
    const char* shared = ::getenv("VITRINE_SHARED");  // NOLINT(concurrency-mt-unsafe)
    const std::string path = concat(shared != nullptr ? shared : VITRINE_SOURCE_ROOT "/../shared",
                                    "/seccomp/moby-default-2021-seed.json");
    if (!std::filesystem::exists(path)) GTEST_SKIP() << "not run: no " << path;
    const auto stats = profile_json({"stats", path})[0];
    EXPECT_EQ(stats["lines"], 766);
    EXPECT_EQ(stats["groups"], 27);
    EXPECT_EQ(stats["names"], 408);
    EXPECT_EQ(stats["distinct_names"], 396);
    EXPECT_EQ(stats["architectures"], 7);
}

TEST(ProfileDiff, TellsCallsAndArgumentsApart) {
    const Scratch scratch;
    const auto write = [&](const char* name, const std::string& rules) {
        return scratch.write(name,
                             R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [)" + rules + "]}");
    };
    const std::string first = write("a.json", R"(
        {"names": ["read", "write", "mseal"], "action": "SCMP_ACT_ALLOW"},
        {"names": ["socket"], "action": "SCMP_ACT_ALLOW",
         "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]})");
    const std::string second = write("b.json", R"(
        {"names": ["read", "openat", "mseal"], "action": "SCMP_ACT_ALLOW"},
        {"names": ["socket"], "action": "SCMP_ACT_ALLOW",
         "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_LE"}]})");
    const auto differences = profile_json({"diff", first, second})["differences"];
    ASSERT_EQ(differences.size(), 3U) << differences;
    EXPECT_EQ(differences[0]["name"], "write");
    EXPECT_EQ(differences[0]["change"], "lost");
    EXPECT_EQ(differences[1]["name"], "socket");
    EXPECT_EQ(differences[1]["change"], "gained");
    EXPECT_EQ(differences[1]["all_arguments"], false);
    EXPECT_EQ(differences[1]["example"]["arguments"][0], 0);
    EXPECT_EQ(differences[2]["name"], "openat");
    EXPECT_EQ(differences[2]["change"], "gained");
    EXPECT_EQ(differences[2]["all_arguments"], true);
    EXPECT_EQ(profile({"diff", first, first}).out, "no difference in effect\n");
    EXPECT_TRUE(says(profile({"diff", first, second}).out, "such as socket(0): errno 1 (EPERM)"));
}

TEST(ProfileCheck, TheProfilesThatAreShippedAreInOrder) {
    for (const char* name : {"docker-default", "docker-default+hardened", "python-strict"}) {
        const Answer answer = profile({"check", name});
        EXPECT_EQ(answer.exit_code, 0) << answer.out << answer.err;
        EXPECT_TRUE(says(answer.out, "nothing wrong"));
    }
}

struct Mistake {
    const char* rule;
    const char* json;
};

class ProfileMistakes : public testing::TestWithParam<Mistake> {};

TEST_P(ProfileMistakes, AreFound) {
    const Scratch scratch;
    const std::string path = scratch.write("p.json", GetParam().json);
    const Answer answer = profile({"check", path});
    EXPECT_EQ(answer.exit_code, 1) << answer.err;
    EXPECT_TRUE(says(answer.out, concat("[", GetParam().rule, "]"))) << answer.out;
    const auto findings = profile({"check", "--json", path}).result()["findings"];
    ASSERT_FALSE(findings.empty());
    EXPECT_EQ(findings[0]["rule"], GetParam().rule);
}

INSTANTIATE_TEST_SUITE_P(
    Profiles, ProfileMistakes,
    testing::Values(Mistake{"allows-everything", R"({"defaultAction": "SCMP_ACT_ALLOW"})"},
                    Mistake{"unknown-name", R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
            {"names": ["raed"], "action": "SCMP_ACT_ALLOW"}]})"},
                    Mistake{"never-counts", R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
            {"names": ["read"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "5.10"},
             "excludes": {"minKernel": "4.8"}}]})"},
                    Mistake{"never-holds", R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
            {"names": ["read"], "action": "SCMP_ACT_ALLOW", "args":
             [{"index": 0, "value": 2, "valueTwo": 1, "op": "SCMP_CMP_MASKED_EQ"}]}]})"},
                    Mistake{"overruled", R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
            {"names": ["read"], "action": "SCMP_ACT_ERRNO", "errnoRet": 5, "args":
             [{"index": 0, "value": 2, "op": "SCMP_CMP_EQ"}]},
            {"names": ["read"], "action": "SCMP_ACT_ALLOW"}]})"},
                    Mistake{"conditions-allow-all",
                            R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
            {"names": ["read"], "action": "SCMP_ACT_ALLOW", "args":
             [{"index": 0, "value": 1, "op": "SCMP_CMP_NE"}]},
            {"names": ["read"], "action": "SCMP_ACT_ALLOW", "args":
             [{"index": 0, "value": 2, "op": "SCMP_CMP_NE"}]}]})"}));

TEST(ProfileCheck, ASlipOfThePenGetsASuggestion) {
    const Scratch scratch;
    const std::string path = scratch.write("p.json", R"({"defaultAction": "SCMP_ACT_ERRNO",
        "syscalls": [{"names": ["moutn"], "action": "SCMP_ACT_ALLOW"}]})");
    EXPECT_TRUE(says(profile({"check", path}).out, "did you mean 'mount'?"));
}

TEST(ProfileCheck, WhatCannotBeReadIsAnError) {
    const Scratch scratch;
    const std::string path = scratch.write("p.json", R"({"defaultAction": "SCMP_ACT_ERRNO",
        "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALOW"}]})");
    const Answer answer = profile({"check", path});
    EXPECT_EQ(answer.exit_code, 125);
    EXPECT_TRUE(says(answer.err, "syscalls[0].action")) << answer.err;
}

TEST(ProfileExplain, NamesTheRuleAndTheSide) {
    const auto alg = profile_json({"explain", "socket", "38"});
    EXPECT_EQ(alg["outcome"], "errno 1 (EPERM)");
    EXPECT_EQ(alg["profiles"][0]["outcome"], "errno 1 (EPERM)");
    const auto high = profile_json({"explain", "socket", "0x100000026"});
    EXPECT_EQ(high["profiles"][0]["outcome"], "allow");
    EXPECT_EQ(high["profiles"][1]["outcome"], "errno 1 (EPERM)");
    EXPECT_EQ(high["outcome"], "errno 1 (EPERM)");
    const auto all_bits = profile_json({"explain", "socket", "-1"});
    EXPECT_EQ(all_bits["arguments"][0], ~std::uint64_t{0});
    EXPECT_TRUE(profile_json({"explain", "socket"})["outcome"].is_null());
    EXPECT_TRUE(says(profile({"explain", "socket"}).out, "depends on its arguments"));
    const Answer mount = profile({"explain", "mount"});
    EXPECT_TRUE(says(mount.out, "needs CAP_SYS_ADMIN")) << mount.out;
    EXPECT_TRUE(says(profile({"explain", "600"}).out, "newer than every call it names"));
}

TEST(ProfileExplain, RefusesWhatIsNoCall) {
    const Answer answer = profile({"explain", "moutn"});
    EXPECT_EQ(answer.exit_code, 125);
    EXPECT_TRUE(says(answer.err, "did you mean 'mount'?")) << answer.err;
    EXPECT_EQ(profile({"explain", "mount", "soon"}).exit_code, 125);
    EXPECT_EQ(profile({"explain", "read", "1", "2", "3", "4", "5", "6", "7"}).exit_code, 125);
}

TEST(ProfileCompile, IsTakenByBubblewrap) {
    const Scratch scratch;
    const std::string program = scratch.path() + "/prog.bpf";
    const Answer compiled = profile({"compile", "-o", program});
    ASSERT_EQ(compiled.exit_code, 0) << compiled.err;
    EXPECT_EQ(std::filesystem::file_size(program) % 8, 0U);
    const auto run_in_bubblewrap = [&](const std::string& flags) {
        return run_program("/bin/sh",
                           {.arguments = {"-c", concat("exec bwrap --ro-bind / / ", flags,
                                                       " sh -c 'echo works; unshare --user "
                                                       "true && echo escapes' 9<",
                                                       program)}});
    };
    const Answer confined = run_in_bubblewrap("--seccomp 9");
    EXPECT_EQ(confined.out, "works\n") << confined.err;
    EXPECT_TRUE(says(confined.err, "Operation not permitted"));
    // The control: without the program the same call is let through.
    EXPECT_EQ(run_in_bubblewrap("").out, "works\nescapes\n");
}

TEST(ProfileCompile, WritesForEveryArchitectureOfTheProfile) {
    const Scratch scratch;
    for (const char* arch : {"x86_64", "aarch64", "mips64", "mipsel64n32", "riscv64", "s390x"}) {
        const std::string program = concat(scratch.path(), "/", arch, ".bpf");
        const Answer answer =
            profile({"compile", "--arch", arch, "--compat-arch", "-o", program, "docker-default"});
        EXPECT_EQ(answer.exit_code, 0) << arch << answer.err;
        EXPECT_TRUE(says(answer.err, concat("instructions for ", arch))) << answer.err;
        EXPECT_GT(std::filesystem::file_size(program), 100U);
    }
    EXPECT_EQ(profile({"compile", "-o", "-", "docker-default"}).out.size() % 8, 0U);
}

TEST(Profile, EveryVerbHasHelpWithExamples) {
    for (const char* verb : {"show", "stats", "diff", "check", "compile", "explain"}) {
        const Answer answer = profile({verb, "--help"});
        EXPECT_EQ(answer.exit_code, 0);
        EXPECT_TRUE(says(answer.out, concat("  vitrine profile ", verb))) << answer.out;
    }
    EXPECT_TRUE(says(profile({"--help"}).out, "Examples:"));
}

TEST(Profile, WrongUsageSaysWhatIsRight) {
    EXPECT_TRUE(says(profile({"shwo"}).err, "did you mean 'show'?"));
    EXPECT_TRUE(says(profile({"show", "--arch", "arch64"}).err, "did you mean 'aarch64'?"));
    EXPECT_TRUE(says(profile({"show", "nonesuch"}).err, "docker-default"));
    for (const std::vector<std::string>& words : {std::vector<std::string>{},
                                                  {"shwo"},
                                                  {"show", "--bogus"},
                                                  {"diff", "docker-default"},
                                                  {"compile"},
                                                  {"show", "--kernel", "new"},
                                                  {"show", "--cap", "CAP_ALL"},
                                                  {"show", "./missing.json"}}) {
        const Answer answer = profile(words);
        EXPECT_EQ(answer.exit_code, 125);
        EXPECT_TRUE(says(answer.err, "vitrine: profile: ")) << answer.err;
        EXPECT_EQ(answer.out, "");
    }
}

}  // namespace
}  // namespace vitrine::test
