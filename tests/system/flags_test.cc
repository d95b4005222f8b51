// The flags of `vitrine run`: what each takes, what it leaves to the program, what it says.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "support/scratch.h"
#include "support/vitrine_program.h"

namespace vitrine::test {
namespace {

constexpr std::size_t kEnough = 1 << 20;

Answer run(std::vector<std::string> words) {
    words.insert(words.begin(), "run");
    return run_vitrine({.arguments = std::move(words)});
}

void expect_usage_error(const std::vector<std::string>& flags, const std::string& says) {
    const Answer answer = run_code("print('ran')", flags);
    EXPECT_EQ(answer.exit_code, 125) << answer.err;
    EXPECT_EQ(answer.out, "");
    EXPECT_NE(answer.err.find(says), std::string::npos) << answer.err;
}

TEST(Flags, OneThatMayBeRepeatedLeavesTheScriptAlone) {
    const Scratch scratch;
    const std::string script = scratch.write("s.py", "print('ran')");
    for (const auto& [flag, value] :
         std::vector<std::pair<std::string, std::string>>{{"-e", "A=1"},
                                                          {"--env", "A=1"},
                                                          {"--ulimit", "nofile=64"},
                                                          {"--ro-bind", scratch.path()}}) {
        EXPECT_EQ(run({flag, value, script}).out, "ran\n") << flag;
        EXPECT_EQ(run({flag, value, flag, value, script}).out, "ran\n") << flag;
    }
}

TEST(Flags, AnEmptyValueIsRefusedByItsFlagsName) {
    expect_usage_error({"--memory="}, "--memory: its value is empty");
    expect_usage_error({"--require", ""}, "--require: its value is empty");
    expect_usage_error({"-qe", ""}, "-e: its value is empty");
    EXPECT_EQ(run({"-c", ""}).exit_code, 0);
}

TEST(Flags, AnEmptyValueDoesNotTakeTheNextWord) {
    const Scratch scratch;
    const std::string victim = scratch.write("victim.py", "print('victim')");
    const std::string other = scratch.write("other.py", "print('other')");
    EXPECT_EQ(run({"--result=", victim, other}).exit_code, 125);
    EXPECT_EQ(read_file(victim, kEnough), "print('victim')");
    EXPECT_EQ(run({"--result", victim, other}).exit_code, 0);  // Control: so it is written.
    EXPECT_NE(read_file(victim, kEnough), "print('victim')");
}

TEST(Flags, WhatFollowsTheScriptIsTheProgramsOwn) {
    const Scratch scratch;
    const std::string script = scratch.write("s.py", "print('ran')");
    const std::string data = scratch.write("data.json", "{}");
    EXPECT_EQ(run({"--memory", "0", script, "--result", data}).exit_code, 125);
    EXPECT_EQ(read_file(data, kEnough), "{}");
    EXPECT_EQ(run({"--memory", "0", "--result", data, script}).exit_code, 125);
    EXPECT_NE(read_file(data, kEnough).find("\"setup_error\""), std::string::npos);
}

TEST(Flags, ErrorsNameWhatWasMeant) {
    expect_usage_error({"--timeout", "10sec"}, "did you mean '10s'?");
    expect_usage_error({"--memory", "64meg"}, "did you mean '64m'?");
    expect_usage_error({"--tmpfs", "/tmp:sise=1m"}, "did you mean 'size'?");
    expect_usage_error({"--id", "../up"}, "--id: '../up' is not an id");
    expect_usage_error({"--id", std::string(65, 'a')}, "--id");
    expect_usage_error({"--cpus", "100000000000000000000000"}, "more than any machine has");
    EXPECT_EQ(result_of("pass", {"--id", "Job_1.a-b"})["id"], "Job_1.a-b");
}

TEST(Flags, BindsTakeAnyNameAndDockersReadOnly) {
    const Scratch scratch;
    (void)scratch.write("file", "seen");
    const auto read_in = [&](const std::string& destination, const std::string& bind) {
        return run_code("print(open('" + destination + "/file').read())",
                        {"--no-validate", "--ro-bind", scratch.path() + ":" + bind});
    };
    EXPECT_EQ(read_in("/data/a..b", "/data/a..b").out, "seen\n");
    EXPECT_EQ(read_in("/data", "/data:ro").out, "seen\n");
    const Answer refused = read_in("/data", "/data:rw");
    EXPECT_EQ(refused.exit_code, 125);
    EXPECT_NE(refused.err.find("always read-only"), std::string::npos) << refused.err;
}

TEST(Flags, AnEnvironmentFileMayComeFromDos) {
    const Scratch scratch;
    const std::string path = scratch.write("env", "A=1\r\n  B=two\r\n\t# no\r\n\r\n");
    const Answer answer = run_code("import os; print([os.environ['A'], os.environ['B']])",
                                   {"--no-validate", "--env-file", path});
    EXPECT_EQ(answer.out, "['1', 'two']\n") << answer.err;
}

TEST(Flags, TheLargestSourceIsTaken) {
    const Scratch scratch;
    const std::string comment(std::size_t{1} << 20, '#');
    std::string source = "print('ran')\n";
    while (source.size() + comment.size() + 1 < std::size_t{64} << 20)
        source += comment + "\n";
    source.append((std::size_t{64} << 20) - source.size(), '#');
    const Answer answer = run({"--no-validate", scratch.write("s.py", source)});
    EXPECT_EQ(answer.out, "ran\n") << answer.err;
}

TEST(Messages, AScriptThatCannotBeReadIsNoMatterOfPolicy) {
    const Scratch scratch;
    const Answer answer = run({"--result", "-", scratch.path()});
    EXPECT_EQ(answer.exit_code, 126);
    EXPECT_EQ(answer.err.find("policy"), std::string::npos) << answer.err;
    EXPECT_TRUE(answer.result()["exit_code"].is_null());
    const Answer refused = run({"--result", "-", "-c", "import os"});
    EXPECT_NE(refused.err.find("refused by the policy 'strategy'"), std::string::npos);
    EXPECT_TRUE(refused.result()["exit_code"].is_null());
}

TEST(Messages, AnInterruptIsCalledOne) {
    const Answer answer =
        run_program("/usr/bin/timeout", {.arguments = {"-k", "60", "-s", "INT", "2", vitrine_path(),
                                                       "run", "-c", "while True: pass"},
                                         .input = {},
                                         .environment = {}});
    EXPECT_NE(answer.err.find("interrupted by SIGINT"), std::string::npos) << answer.err;
    EXPECT_EQ(answer.err.find("SIGKILL"), std::string::npos) << answer.err;
}

/// Runs with the events in a file; returns them.
std::string events_of(const std::vector<std::string>& words) {
    const Scratch scratch;
    const std::string path = scratch.path() + "/events";
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT, 0600);
    std::vector<std::string> call{"--json-status-fd", std::to_string(fd)};
    call.insert(call.end(), words.begin(), words.end());
    (void)run(std::move(call));
    ::close(fd);
    return read_file(path, kEnough);
}

TEST(Events, ACallThatRunsNothingEndsInOne) {
    EXPECT_EQ(events_of({"/nonexistent.py"}), "{\"exit-code\": 127}\n");
    EXPECT_EQ(events_of({"/"}), "{\"exit-code\": 126}\n");
    EXPECT_EQ(events_of({"--memory", "0", "-c", "pass"}), "{\"exit-code\": 125}\n");
    EXPECT_EQ(events_of({"--result", "/nonexistent/r", "-c", "pass"}), "{\"exit-code\": 125}\n");
}

TEST(Events, AListenerThatIsGoneChangesNothing) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe(ends.data()), 0);
    ::close(ends[0]);
    const Answer answer = run_code("print(1); raise SystemExit(7)",
                                   {"--json-status-fd", std::to_string(ends[1]), "--result", "-"});
    ::close(ends[1]);
    EXPECT_EQ(answer.exit_code, 7) << answer.err;
    EXPECT_EQ(answer.result()["status"], "exited");
}

TEST(Events, ADescriptorThatCannotBeWrittenIsRefused) {
    const int fd = ::open("/dev/null", O_RDONLY);
    expect_usage_error({"--json-status-fd", std::to_string(fd)}, "is not open for writing");
    ::close(fd);
    expect_usage_error({"--json-status-fd", "-1"}, "--json-status-fd");
}

TEST(Stdin, AFifoWithoutAWriterIsNoReasonToWait) {
    const Scratch scratch;
    const std::string path = scratch.path() + "/fifo";
    ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
    EXPECT_EQ(run_code("print('ran')", {"--stdin", path}).out, "ran\n");
    const auto result =
        result_unvalidated("import sys; sys.stdin.read()", {"--stdin", path, "--timeout", "1s"});
    EXPECT_EQ(result["status"], "timeout");
}

TEST(Stdin, AFifoGivesWhatItsWriterWrites) {
    const Scratch scratch;
    const std::string path = scratch.path() + "/fifo";
    ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
    const pid_t writer = ::fork();
    if (writer == 0) {
        write_all(open_file(path, O_WRONLY).get(), "late words");  // Waits for the reader.
        ::_exit(0);
    }
    const Answer answer = run_code("import sys; print(sys.stdin.read())",
                                   {"--no-validate", "--stdin", path, "--timeout", "30s"});
    EXPECT_EQ(answer.out, "late words\n") << answer.err;
    ::waitpid(writer, nullptr, 0);
}

}  // namespace
}  // namespace vitrine::test
