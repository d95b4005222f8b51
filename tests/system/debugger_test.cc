// `run --wait-for-debugger`: a real gdb, attached to a program that waits before its first line.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/error.h"
#include "base/file.h"
#include "support/running_job.h"
#include "support/scratch.h"
#include "support/vitrine_program.h"

namespace vitrine::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr std::size_t kEnough = std::size_t{16} << 20;
constexpr const char* kForks =
    "import os\nprint('it runs', flush=True)\n"
    "if os.fork() == 0: os._exit(0)\nos.wait()\nprint('it ends')";

/// One JSON object a line.
nlohmann::json next_event(const RunningJob& job) {
    std::string line;
    char letter = 0;
    while (::read(job.status.get(), &letter, 1) == 1 && letter != '\n')
        line.push_back(letter);
    return nlohmann::json::parse(line);
}

/// A job that waits, with a time limit that is over long before the test is.
struct WaitingJob {
    WaitingJob()
        : job(start_job(kForks, {"--wait-for-debugger", "--timeout", "1s", "--result",
                                 scratch.path() + "/result"})),
          waiting(next_event(job).at("waiting-pid")) {}

    nlohmann::json result() const {
        return nlohmann::json::parse(read_file(scratch.path() + "/result", kEnough));
    }

    Scratch scratch;
    RunningJob job;
    pid_t waiting;
};

Answer gdb(pid_t pid, const std::vector<std::string>& commands) {
    std::vector<std::string> words{"-q",    "-nx",
                                   "-iex",  concat("set sysroot /proc/", pid, "/root"),
                                   "-iex",  "set debuginfod enabled off",
                                   "-batch"};
    for (const std::string& command : commands)
        words.insert(words.end(), {"-ex", command});
    words.insert(words.end(), {concat("/proc/", pid, "/exe"), std::to_string(pid)});
    return run_program("/usr/bin/gdb", {.arguments = words});
}

TEST(WaitForDebugger, LetsGdbStopTheProgramWhereItLikes) {
    const WaitingJob waiting;
    EXPECT_EQ(waiting.waiting, waiting.job.payload);
    std::this_thread::sleep_for(1500ms);
    const Answer answer =
        gdb(waiting.waiting, {"break fork", "continue", "print (long)getpid()", "detach"});
    EXPECT_THAT(answer.out, HasSubstr("Breakpoint 1, ")) << answer.err;
    EXPECT_EQ(await_end(waiting.job), 0);
    const auto result = waiting.result();
    EXPECT_EQ(result["stdout"]["text"], "it runs\nit ends\n");
    EXPECT_GE(result["timings_us"].value("held", 0), 1'500'000);
}

TEST(WaitForDebugger, GoesOnWhenItIsLeft) {
    const WaitingJob waiting;
    const Answer answer = gdb(waiting.waiting, {"backtrace 1", "detach"});
    EXPECT_THAT(answer.out, HasSubstr("read"));
    EXPECT_EQ(await_end(waiting.job), 0);
}

TEST(WaitForDebugger, StaysWhileTheDebuggerHasItStopped) {
    const WaitingJob waiting;
    const Answer answer = gdb(waiting.waiting, {"shell sleep 2", "info proc", "detach"});
    EXPECT_EQ(await_end(waiting.job), 0);
    const auto result = waiting.result();
    EXPECT_GE(result["timings_us"].value("held", 0), 2'000'000);
    EXPECT_LT(result["usage"]["wall_ms"], 1000);
}

TEST(WaitForDebugger, TakesAnyTracer) {
    const WaitingJob waiting;
    const std::string trace = waiting.scratch.path() + "/trace";
    const Answer answer =
        run_program("/usr/bin/strace",
                    {.arguments = {"-f", "-o", trace, "-p", std::to_string(waiting.waiting)}});
    EXPECT_EQ(answer.exit_code, 0);
    EXPECT_EQ(await_end(waiting.job), 0);
    EXPECT_THAT(read_file(trace, kEnough), HasSubstr("write(1, \"it runs\\n\", 8)"));
}

TEST(WaitForDebugger, GoesOnBySignal) {
    const WaitingJob waiting;
    std::this_thread::sleep_for(1500ms);
    ::kill(waiting.job.supervisor, SIGUSR1);
    EXPECT_EQ(await_end(waiting.job), 0);
    EXPECT_EQ(waiting.result()["status"], "exited");
}

TEST(WaitForDebugger, EndsByInterruptWithoutHavingRun) {
    const WaitingJob waiting;
    ::kill(waiting.job.supervisor, SIGINT);
    EXPECT_EQ(await_end(waiting.job), 128 + SIGINT);
    EXPECT_EQ(waiting.result()["stdout"]["text"], "");
    EXPECT_TRUE(vanishes(waiting.waiting));
}

TEST(WaitForDebugger, SaysWhomToAttachToAndHowToGoOn) {
    const Scratch scratch;
    const std::string err = scratch.path() + "/err";
    // script(1) gives it a terminal, whose line lets it go.
    const Answer answer =
        run_program("/usr/bin/script",
                    {.arguments = {"-q", "-e", "-c",
                                   concat("{ sleep 1; echo; } | cat > /dev/null & ", vitrine_path(),
                                          " run --wait-for-debugger -c 'print(6 * 7)' 2> ", err),
                                   "/dev/null"},
                     .input = "\n"});
    EXPECT_EQ(answer.exit_code, 0);
    EXPECT_THAT(answer.out, HasSubstr("42"));
    const std::string said = read_file(err, kEnough);
    EXPECT_THAT(said, HasSubstr("waits before its first line; attach to it: gdb -p "));
    EXPECT_THAT(said, HasSubstr("by Enter here, or by: kill -USR1 "));
}

}  // namespace
}  // namespace vitrine::test
