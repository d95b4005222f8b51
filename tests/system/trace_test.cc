// `vitrine profile trace`: programs run under the profile that was traced from them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "base/error.h"
#include "support/batch.h"
#include "support/scratch.h"
#include "support/vitrine_program.h"

namespace vitrine::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

constexpr const char* kFiles = R"(
import json, os, tempfile
with tempfile.TemporaryDirectory() as directory:
    path = os.path.join(directory, "kept")
    with open(path, "w") as file:
        json.dump(list(range(1000)), file)
    os.rename(path, path + "2")
    assert len(json.load(open(path + "2"))) == 1000
print("files")
)";

constexpr const char* kThreadsAndSockets = R"(
import socket, threading, time
one, other = socket.socketpair()
got = []
thread = threading.Thread(target=lambda: got.append(other.recv(2)))
thread.start()
one.send(b"hi")
thread.join()
server = socket.socket()
server.bind(("127.0.0.1", 0))
server.listen()
socket.create_connection(server.getsockname()).close()
time.sleep(0.01)
print(got)
)";

constexpr const char* kProcesses = R"(
import multiprocessing
def work(queue):
    queue.put(6 * 7)
context = multiprocessing.get_context("fork")
queue = context.SimpleQueue()
child = context.Process(target=work, args=(queue,))
child.start()
print(queue.get())
child.join()
)";

Answer trace(std::vector<std::string> words) {
    words.insert(words.begin(), {"profile", "trace"});
    return run_vitrine({.arguments = words});
}

json run_under(const std::string& profile, const std::string& program,
               std::vector<std::string> flags = {}) {
    std::vector<std::string> words{"run",           "--result",       "-",
                                   "--no-validate", "--security-opt", concat("seccomp=", profile)};
    words.insert(words.end(), flags.begin(), flags.end());
    words.push_back(program);
    return run_vitrine({.arguments = words}).result();
}

json document_at(const std::string& path) {
    std::ifstream file(path);
    return json::parse(file);
}

std::vector<std::string> names_in(const json& profile) {
    std::vector<std::string> names;
    for (const json& rule : profile["syscalls"]) {
        if (rule["action"] != "SCMP_ACT_ALLOW") continue;
        for (const json& name : rule["names"])
            names.push_back(name);
    }
    return names;
}

bool lets_through(const json& profile, const std::string& name) {
    const auto names = names_in(profile);
    return std::ranges::find(names, name) != names.end();
}

TEST(Trace, ProgramsRunUnderWhatWasTracedFromThem) {
    const Scratch scratch;
    const std::string profile = scratch.path() + "/traced.json";
    const std::vector<std::string> programs{scratch.write("files.py", kFiles),
                                            scratch.write("threads.py", kThreadsAndSockets),
                                            scratch.write("processes.py", kProcesses)};
    const Answer traced = trace({"-o", profile, programs[0], programs[1], programs[2]});
    ASSERT_EQ(traced.exit_code, 0) << traced.err;
    for (const std::string& program : programs) {
        const json result = run_under(profile, program);
        EXPECT_EQ(result["status"], "exited") << result;
        EXPECT_EQ(result["exit_code"], 0) << program << result["stderr"];
    }
    const json explained = run_under(profile, programs[0], {"--explain-denied"});
    EXPECT_EQ(explained["exit_code"], 0) << explained;
    const Answer warm =
        run_vitrine({.arguments = {"run", "--repeat", "3", "--no-validate", "--result", "-",
                                   "--security-opt", concat("seccomp=", profile), programs[1]}});
    for (const json& result : results_in(warm.out))
        EXPECT_EQ(result["exit_code"], 0) << result;
}

/// Each call is needed: without it the program fails.
TEST(Trace, WithoutACallThatItTracedTheProgramFails) {
    const Scratch scratch;
    const std::string profile = scratch.path() + "/traced.json";
    const std::string program = scratch.write("files.py", kFiles);
    ASSERT_EQ(trace({"-o", profile, program}).exit_code, 0);
    for (const char* needed : {"openat", "rename", "mkdir"}) {
        json document = document_at(profile);
        for (json& rule : document["syscalls"]) {
            auto& names = rule["names"];
            names.erase(std::remove(names.begin(), names.end(), json(needed)), names.end());
        }
        ASSERT_FALSE(lets_through(document, needed));
        const std::string smaller = scratch.write("smaller.json", document.dump());
        EXPECT_NE(run_under(smaller, program)["exit_code"], 0) << needed;
    }
    EXPECT_EQ(run_under(profile, program)["exit_code"], 0);
}

TEST(Trace, HasNothingThatWasNotSeen) {
    const Scratch scratch;
    const std::string profile = scratch.path() + "/traced.json";
    ASSERT_EQ(trace({"-o", profile, scratch.write("files.py", kFiles)}).exit_code, 0);
    const json document = document_at(profile);
    for (const char* name : {"openat", "rename", "read", "write", "exit_group"})
        EXPECT_TRUE(lets_through(document, name)) << name;
    for (const char* name : {"socket", "clone", "execve", "ptrace", "kill", "mount", "bind"})
        EXPECT_FALSE(lets_through(document, name)) << name;
    EXPECT_LT(names_in(document).size(), 50U);
}

TEST(Trace, KeepsDockersConditionsAndRefusals) {
    const Scratch scratch;
    const std::string profile = scratch.path() + "/traced.json";
    const Answer traced = trace({"-o", profile, scratch.write("threads.py", kThreadsAndSockets)});
    ASSERT_EQ(traced.exit_code, 0) << traced.err;
    EXPECT_THAT(traced.err, HasSubstr("clone3"));
    int conditions = 0;
    const json document = document_at(profile);
    for (const json& rule : document["syscalls"]) {
        for (const json& name : rule["names"]) {
            if (name != "socket" && name != "clone") continue;
            EXPECT_EQ(rule["args"].size(), 1U) << rule;
            ++conditions;
        }
    }
    EXPECT_EQ(conditions, 2) << document;
    EXPECT_FALSE(lets_through(document, "clone3"));
}

TEST(Trace, AddsToABaseAndMergesRuns) {
    const Scratch scratch;
    const std::string profile = scratch.path() + "/traced.json";
    const std::string files = scratch.write("files.py", kFiles);
    const std::string threads = scratch.write("threads.py", kThreadsAndSockets);
    ASSERT_EQ(trace({"--runs", "1", "-o", profile, files}).exit_code, 0);
    EXPECT_NE(run_under(profile, threads)["exit_code"], 0);
    ASSERT_EQ(trace({"--base", profile, "-o", profile, threads}).exit_code, 0);
    EXPECT_EQ(run_under(profile, threads)["exit_code"], 0);
    EXPECT_EQ(run_under(profile, files)["exit_code"], 0);
    const Answer strict = trace({"--base", "python-strict", "-o", profile, files});
    ASSERT_EQ(strict.exit_code, 0) << strict.err;
    EXPECT_TRUE(lets_through(document_at(profile), "getdents64"));
    EXPECT_EQ(run_under(profile, files)["exit_code"], 0);
}

TEST(Trace, WritesToStdoutAndTheProgramToStderr) {
    const Scratch scratch;
    const Answer traced = trace({"--runs", "1", scratch.write("files.py", kFiles)});
    EXPECT_EQ(traced.exit_code, 0);
    EXPECT_TRUE(lets_through(json::parse(traced.out), "openat"));
    EXPECT_THAT(traced.err, HasSubstr("files\n"));
}

TEST(Trace, SaysWhatIsWrong) {
    const Scratch scratch;
    EXPECT_EQ(trace({"/nonexistent.py"}).exit_code, 127);
    EXPECT_EQ(trace({}).exit_code, 125);
    const Answer fails = trace({"--runs", "1", scratch.write("bad.py", "raise SystemExit(3)")});
    EXPECT_EQ(fails.exit_code, 1);
    EXPECT_THAT(fails.err, HasSubstr("ended with exit code 3"));
    const Answer nowhere =
        trace({"-o", "/nonexistent/x.json", scratch.write("says.py", "print('it ran')")});
    EXPECT_EQ(nowhere.exit_code, 125);
    EXPECT_THAT(nowhere.out + nowhere.err, testing::Not(HasSubstr("it ran")));
    EXPECT_THAT(trace({"--help"}).out, HasSubstr("Examples:"));
    const Answer refused = run_program(
        VITRINE_UNDER_FILTER,
        {.arguments = {"", "1", vitrine_path(), "profile", "trace", scratch.write("a.py", "1")}});
    EXPECT_EQ(refused.exit_code, 125);
    EXPECT_THAT(refused.err, HasSubstr("a seccomp filter is on this process already"));
}

}  // namespace
}  // namespace vitrine::test
