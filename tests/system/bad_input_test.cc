// What cannot be run gets one clear answer, the right exit code and a result, and leaves nothing.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "support/scratch.h"
#include "support/vitrine_program.h"

namespace vitrine::test {
namespace {

struct Bad {
    std::string what;
    std::vector<std::string> arguments;
    int exit_code;
    std::string status;
    std::string says;  ///< Somewhere in what stderr says.
};

/// Runs it and checks the answer; `--result -` is put in front.
void expect_refusal(const Bad& bad, const std::string& input = {}) {
    SCOPED_TRACE(bad.what);
    std::vector<std::string> words{"run", "--result", "-"};
    words.insert(words.end(), bad.arguments.begin(), bad.arguments.end());
    const Answer answer = run_vitrine({.arguments = words, .input = input});
    EXPECT_EQ(answer.exit_code, bad.exit_code) << answer.err;
    EXPECT_NE(answer.err.find(bad.says), std::string::npos) << answer.err;
    EXPECT_NE(answer.err.find("vitrine: "), std::string::npos);
    EXPECT_EQ(answer.result()["status"], bad.status);
}

TEST(BadInput, ScriptsThatCannotBeRead) {
    const Scratch scratch;
    const std::string missing = scratch.path() + "/missing.py";
    expect_refusal({"missing", {missing}, 127, "setup_error", "cannot open '" + missing + "'"});
    expect_refusal({"directory", {scratch.path()}, 126, "rejected", "is a directory"});
    expect_refusal({"no script", {}, 125, "setup_error", "no script was given"});
}

TEST(BadInput, SourcesThatAreNoPrograms) {
    const Scratch scratch;
    const auto expect = [&](const char* what, const std::string& source, const char* rule) {
        const std::string path = scratch.write("script.py", source);
        expect_refusal({what, {path}, 126, "rejected", concat(" ", rule, "]")});
    };
    expect("not UTF-8", "x = '\xff'\n", "encoding");
    expect("null byte", std::string("x = 1\0\n", 7), "null-byte");
    expect("syntax error", "def f(:\n", "syntax-error");
    expect("10,000 brackets", std::string(10000, '('), "syntax-error");
    expect("10,000 minus signs", "x = " + std::string(10000, '-') + "1", "too-deep");
    expect("too large", std::string(3 << 20, '#'), "source-too-large");
    expect("100 MB", std::string(std::size_t{100} << 20, '#'), "source-too-large");
}

TEST(BadInput, ASyntaxErrorIsTheProgramsOwnWithoutAValidator) {
    const Answer answer = run_code("def f(:", {"--no-validate", "--result", "-"});
    EXPECT_EQ(answer.exit_code, 1);
    EXPECT_EQ(answer.result()["status"], "exited");
    EXPECT_EQ(answer.result()["exception"]["type"], "SyntaxError");
}

TEST(BadInput, FlagsThatDoNotExist) {
    expect_refusal(
        {"typo", {"--memroy", "1g", "-c", "1"}, 125, "setup_error", "did you mean '--memory'?"});
    expect_refusal(
        {"unknown", {"--nonesuch", "-c", "1"}, 125, "setup_error", "unknown flag '--nonesuch'"});
    expect_refusal({"no value", {"--memory"}, 125, "setup_error", "--memory"});
    const Answer verb = run_vitrine({.arguments = {"rnu"}});
    EXPECT_EQ(verb.exit_code, 125);
    EXPECT_NE(verb.err.find("did you mean 'run'?"), std::string::npos);
}

TEST(BadInput, ValuesThatDoNotFit) {
    const std::vector<Bad> table{
        {"unit", {"--memory", "12x"}, 125, "setup_error", "--memory"},
        {"zero", {"--memory", "0"}, 125, "setup_error", "greater than zero"},
        {"negative", {"--memory=-1"}, 125, "setup_error", "--memory"},
        {"empty", {"--memory="}, 125, "setup_error", "--memory"},
        {"no time", {"--timeout", "soon"}, 125, "setup_error", "--timeout"},
        {"zero time", {"--timeout", "0"}, 125, "setup_error", "--timeout"},
        {"negative time", {"--timeout=-5"}, 125, "setup_error", "--timeout"},
        {"cpus", {"--cpus", "0"}, 125, "setup_error", "--cpus"},
        {"pids", {"--pids-limit", "0"}, 125, "setup_error", "--pids-limit"},
        {"pids word", {"--pids-limit", "many"}, 125, "setup_error", "--pids-limit"},
        {"output", {"--max-output", "1m:stop"}, 125, "setup_error", "--max-output"},
        {"tmpfs", {"--tmpfs", "/var:size=1m"}, 125, "setup_error", "--tmpfs"},
        {"ulimit", {"--ulimit", "files=1"}, 125, "setup_error", "unknown resource 'files'"},
        {"root", {"-u", "0"}, 125, "setup_error", "-u"},
        {"network", {"--network", "host"}, 125, "setup_error", "--network"},
        {"capability", {"--cap-drop", "NET_RAW"}, 125, "setup_error", "--cap-drop"},
        {"layer", {"--require", "luck"}, 125, "setup_error", "--require"},
        {"arguments", {"--entry", "f", "--args", "{"}, 125, "setup_error", "--args"},
        {"scalar", {"--entry", "f", "--args", "1"}, 125, "setup_error", "--args"},
        {"alone", {"--args", "[]"}, 125, "setup_error", "--args needs --entry"},
        {"policy", {"--policy", "strict"}, 125, "setup_error", "unknown policy 'strict'"},
        {"profile",
         {"--security-opt", "seccomp=strict"},
         125,
         "setup_error",
         "unknown seccomp profile"},
        {"unconfined", {"--security-opt", "seccomp=unconfined"}, 125, "setup_error", "unconfined"},
        {"option", {"--security-opt", "apparmor=x"}, 125, "setup_error", "--security-opt"},
        {"bind", {"--ro-bind", "/nonexistent:/x"}, 125, "setup_error", "/nonexistent"},
        {"bind target", {"--ro-bind", "/etc:relative"}, 125, "setup_error", "--ro-bind"},
        {"workdir", {"-w", "relative"}, 125, "setup_error", "--workdir"},
        {"no workdir", {"-w", "/nonexistent"}, 125, "setup_error", "entering '/nonexistent'"},
        {"stdin", {"--stdin", "/nonexistent"}, 125, "setup_error", "/nonexistent"},
        {"stdin directory", {"--stdin", "/etc"}, 125, "setup_error", "is a directory"},
        {"status", {"--json-status-fd", "77"}, 125, "setup_error", "--json-status-fd"},
        {"env", {"--env-file", "/nonexistent"}, 125, "setup_error", "/nonexistent"},
        {"log", {"--log-level", "loud"}, 125, "setup_error", "--log-level"},
    };
    for (Bad bad : table) {
        bad.arguments.insert(bad.arguments.end(), {"-c", "pass"});
        expect_refusal(bad);
    }
}

TEST(BadInput, BrokenProfilesAndRoots) {
    const Scratch scratch;
    const std::string broken =
        scratch.write("profile.json", R"({"defaultAction": "SCMP_ACT_ERRNO",)");
    expect_refusal({"profile",
                    {"--security-opt", "seccomp=" + broken, "-c", "1"},
                    125,
                    "setup_error",
                    "not valid JSON"});
    const std::string policy = scratch.write("policy.json", R"({"extends": "strategy", "x": 1})");
    expect_refusal(
        {"policy", {"--policy", policy, "-c", "1"}, 125, "setup_error", "unknown key 'x'"});
    expect_refusal({"no rootfs",
                    {"--rootfs", scratch.path() + "/none", "-c", "1"},
                    125,
                    "setup_error",
                    "does not exist"});
    expect_refusal({"no Python",
                    {"--rootfs", scratch.path(), "-c", "1"},
                    125,
                    "setup_error",
                    "has no Python"});
}

/// A description of a Python that is not there; the rootfs's directory.
std::string lying_rootfs(const Scratch& scratch) {
    std::filesystem::create_directories(scratch.path() + "/root/.vitrine");
    std::filesystem::create_directories(scratch.path() + "/root/usr");
    scratch.write("root/.vitrine/python.json",
                  R"({"schema": "vitrine.rootfs.v1", "version": "3.11.2", "soabi": "x",
                      "libpython": "/usr/lib/libpython.so", "libraries": [], "prefix": "/usr",
                      "search_path": ["/usr/lib/python3.11"], "distributions": []})");
    return scratch.path() + "/root";
}

TEST(BadInput, ARootfsThatLiesIsASetupError) {
    const Scratch scratch;
    expect_refusal({"no libpython",
                    {"--rootfs", lying_rootfs(scratch), "-c", "1"},
                    125,
                    "setup_error",
                    "libpython"});
}

TEST(BadInput, ASupervisorTooSlowToSeeItsSandboxStillSaysWhy) {
    const Scratch scratch;
    // Only its own calls are slowed down: by then payload and init are dead.
    const Answer answer = run_program(
        "/usr/bin/strace", {.arguments = {"-o", "/dev/null", "-e", "trace=setns", "-e",
                                          "inject=setns:delay_enter=500000:when=1", vitrine_path(),
                                          "run", "--rootfs", lying_rootfs(scratch), "-c", "1"},
                            .input = {},
                            .environment = {}});
    EXPECT_EQ(answer.exit_code, 125);
    EXPECT_NE(answer.err.find("libpython"), std::string::npos) << answer.err;
}

TEST(BadInput, LeavesNothingBehind) {
    const auto mounts = [] {
        return std::ranges::count(read_file("/proc/self/mountinfo", std::size_t{1} << 20), '\n');
    };
    const Scratch scratch;
    const auto before = mounts();
    const std::vector<std::vector<std::string>> calls{
        {"run", "-c", "def f(:"},
        {"run", "--timeout", "100ms", "-c", "while True: pass"},
        {"run", "--security-opt", "seccomp=nonesuch", "-c", "1"}};
    for (const auto& arguments : calls) {
        const Answer answer = run_vitrine(
            {.arguments = arguments, .input = {}, .environment = {{"TMPDIR", scratch.path()}}});
        EXPECT_GE(answer.exit_code, 124) << answer.err;
    }
    EXPECT_TRUE(std::filesystem::is_empty(scratch.path()));
    EXPECT_EQ(mounts(), before);
}

}  // namespace
}  // namespace vitrine::test
