// `vitrine run --exec`: a command of the rootfs in the sandbox that a program gets.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "base/fd.h"
#include "support/running_job.h"
#include "support/scratch.h"
#include "support/vitrine_program.h"

namespace vitrine::test {
namespace {

using testing::HasSubstr;
using testing::Not;

nlohmann::json shell_result(const std::string& script, std::vector<std::string> flags = {}) {
    flags.insert(flags.end(), {"--result", "-"});
    return run_shell(script, flags).result();
}

TEST(Exec, RunsACommandWithItsArgumentsStreamsAndExitCode) {
    const Answer answer =
        run_command({"busybox", "sh", "-c", "cat; echo \"$1\" >&2; exit 41", "sh", "an argument"},
                    {"--stdin", "-"}, "what stdin holds\n");
    EXPECT_EQ(answer.out, "what stdin holds\n");
    EXPECT_THAT(answer.err, HasSubstr("an argument\n"));
    EXPECT_EQ(answer.exit_code, 41);
    EXPECT_EQ(run_command({"busybox", "true"}).exit_code, 0);
    EXPECT_EQ(run_command({"/usr/bin/busybox", "echo", "by path"}).out, "by path\n");
    EXPECT_EQ(run_command({"cat"}).out, "") << "stdin holds nothing unless it is asked for";
}

TEST(Exec, TellsAResultLikeAnyOther) {
    const auto result = shell_result("echo out; exit 3");
    EXPECT_EQ(result["status"], "exited");
    EXPECT_EQ(result["exit_code"], 3);
    EXPECT_EQ(result["stdout"]["text"], "out\n");
    EXPECT_EQ(result["python"], nullptr);
    EXPECT_EQ(result["findings"], nlohmann::json::array());
    EXPECT_TRUE(result["isolation"]["no_new_privs"]);
    EXPECT_EQ(result["isolation"]["namespaces"].size(), 7U);
    EXPECT_GT(result["timings_us"]["run"], 0);
    EXPECT_EQ(shell_result("kill -SEGV $$")["signal_name"], "SIGSEGV");
}

TEST(Exec, LooksForTheCommandInTheJobsPath) {
    const Answer missing = run_command({"no-such-command"});
    EXPECT_EQ(missing.exit_code, 127);
    EXPECT_THAT(missing.err, HasSubstr("the sandbox has no command 'no-such-command' in its PATH, "
                                       "'/usr/bin:/bin'"));
    EXPECT_THAT(missing.err, HasSubstr("--with-command"));
    EXPECT_EQ(run_command({"busybox", "true"}, {"-e", "PATH=/nowhere"}).exit_code, 127);
    EXPECT_EQ(run_command({"/no/such/file"}).exit_code, 127);
    EXPECT_EQ(run_command({""}).exit_code, 127);
    const auto result = run_command({"no-such-command"}, {"--result", "-"}).result();
    EXPECT_EQ(result["status"], "setup_error");
    EXPECT_EQ(result["error"]["step"], "start-command");
    EXPECT_EQ(result["error"]["errno"], ENOENT);
    // The same code from the command itself is another thing.
    EXPECT_EQ(shell_result("exit 127")["status"], "exited");
}

TEST(Exec, SaysWhenAFileCannotBeExecuted) {
    const Answer plain = run_command({"/etc/passwd"});
    EXPECT_EQ(plain.exit_code, 126);
    EXPECT_THAT(plain.err, HasSubstr("'/etc/passwd' cannot be executed: Permission denied"));
    EXPECT_EQ(run_command({"/usr"}).exit_code, 126);
    EXPECT_EQ(shell_result("exit 126")["status"], "exited");
}

TEST(Exec, TakesTheFlagsOfARun) {
    const Scratch scratch;
    const Answer answer =
        run_shell("echo $GREETING; id -u; id -g; pwd; hostname; cat /data/file",
                  {"-e", "GREETING=hello", "-u", "1234:5678", "-w", "/usr", "--hostname", "glass",
                   "--ro-bind", scratch.write("file", "bound\n") + ":/data/file"});
    EXPECT_EQ(answer.out, "hello\n1234\n5678\n/usr\nglass\nbound\n") << answer.err;
    const std::string artifacts = scratch.path() + "/out";
    const auto result = shell_result("echo left > /tmp/out/file", {"--artifacts", artifacts});
    ASSERT_EQ(result["artifacts"].size(), 1U) << result;
    EXPECT_TRUE(std::filesystem::exists(artifacts + "/file"));
}

TEST(Exec, StartsWithAnEnvironmentOfItsOwn) {
    const Answer answer = run_command({"busybox", "env"});
    EXPECT_THAT(answer.out, HasSubstr("PATH=/usr/bin:/bin\n"));
    EXPECT_THAT(answer.out, HasSubstr("HOME=/tmp\n"));
    EXPECT_THAT(answer.out, Not(HasSubstr("PYTHON")));
}

TEST(Exec, IsHeldByTheLimits) {
    const auto slow = shell_result("sleep 60", {"--timeout", "300ms"});
    EXPECT_EQ(slow["status"], "timeout");
    EXPECT_EQ(run_shell("sleep 60", {"--timeout", "300ms"}).exit_code, 124);
    const auto chatty = shell_result("yes", {"--max-output", "10k:kill"});
    EXPECT_EQ(chatty["status"], "output_limit");
    const auto busy = shell_result("while :; do :; done", {"--cpu-time", "300ms"});
    EXPECT_EQ(busy["status"], "cpu_timeout");
    const auto full =
        shell_result("dd if=/dev/zero of=/tmp/file bs=64k", {"--tmpfs", "/tmp:size=1m"});
    EXPECT_NE(full["exit_code"], 0);
    EXPECT_THAT(full["stderr"]["text"].get<std::string>(), HasSubstr("No space left"));
}

TEST(Exec, RefusesByNameWhatIsAboutPython) {
    const std::vector<std::vector<std::string>> calls{{"--policy", "off"},
                                                      {"--no-validate"},
                                                      {"--entry", "main"},
                                                      {"-c", "pass"},
                                                      {"--repeat", "2"}};
    for (const auto& flags : calls) {
        const Answer answer = run_command({"busybox", "true"}, flags);
        EXPECT_EQ(answer.exit_code, 125);
        EXPECT_THAT(answer.err, HasSubstr("--exec does not go with " + flags[0] + ":"));
    }
    EXPECT_THAT(run_command({}).err, HasSubstr("--exec: no command was given"));
    const Answer batch = run_vitrine({.arguments = {"batch", "--exec", "--", "true"}});
    EXPECT_EQ(batch.exit_code, 125);
    EXPECT_THAT(batch.err, HasSubstr("--exec: batch runs Python programs alone"));
}

/// A shell that says what signals come to it.
constexpr const char* kTellsSignals = R"(
for name in INT TERM HUP QUIT USR1 USR2 WINCH; do trap "echo $name" $name; done
echo ready
while :; do sleep 0.05; done
)";

class Signalled : public testing::Test {
  protected:
    /// The same as start_job, for a command.
    static RunningJob start(const std::string& script) {
        return start_words(
            {"--rootfs", rootfs_with_commands(), "--exec", "--", "busybox", "sh", "-c", script});
    }
    static std::string next_line(const RunningJob& job) {
        std::string line;
        char letter = 0;
        while (::read(job.output.get(), &letter, 1) == 1 && letter != '\n')
            line.push_back(letter);
        return line;
    }
};

TEST_F(Signalled, HandsSignalsOnAndEndsByTheSecondThatAsks) {
    const RunningJob job = start(kTellsSignals);
    ASSERT_EQ(next_line(job), "ready");
    for (const auto& [signal, name] :
         {std::pair{SIGUSR1, "USR1"}, std::pair{SIGUSR2, "USR2"}, std::pair{SIGWINCH, "WINCH"},
          std::pair{SIGTERM, "TERM"}, std::pair{SIGUSR1, "USR1"}}) {
        ::kill(job.supervisor, signal);
        EXPECT_EQ(next_line(job), name);
    }
    ::kill(job.supervisor, SIGTERM);
    EXPECT_EQ(await_end(job), 128 + SIGTERM);
    EXPECT_TRUE(vanishes(job.payload));
}

TEST_F(Signalled, LeavesTheEndToACommandThatListens) {
    const RunningJob job = start("trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done");
    ASSERT_EQ(next_line(job), "ready");
    ::kill(job.supervisor, SIGTERM);
    EXPECT_EQ(await_end(job), 7);
    const RunningJob deaf = start("echo ready; exec sleep 60");
    ASSERT_EQ(next_line(deaf), "ready");
    ::kill(deaf.supervisor, SIGINT);
    EXPECT_EQ(await_end(deaf), 128 + SIGINT);
}

}  // namespace
}  // namespace vitrine::test
