// Jobs that do not want to end: the wall clock ends each of them, and nothing of it is left.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>

#include "support/running_job.h"
#include "support/vitrine_program.h"

namespace vitrine::test {
namespace {

using namespace std::chrono_literals;

/// A way of not ending. Each program prints a line once it has dug itself in.
struct Evasion {
    const char* name;
    const char* code;
    std::size_t processes;  ///< At least so many are there then: the attack did happen.
};

constexpr std::array kEvasions{
    Evasion{"Setsid", R"(
import os, time
if os.fork() == 0:
    os.setsid()
    print("ready", flush=True)
    time.sleep(1000)
time.sleep(1000)
)",
            2},
    Evasion{"DoubleFork", R"(
import os, time
if os.fork() == 0:
    if os.fork() == 0:
        os.setsid()
        print("ready", flush=True)
        time.sleep(1000)
    os._exit(0)
time.sleep(1000)
)",
            2},
    Evasion{"Stopped", R"(
import os, signal, time
child = os.fork()
if child == 0:
    os.kill(os.getpid(), signal.SIGSTOP)
    time.sleep(1000)
os.waitpid(child, os.WUNTRACED)
print("ready", flush=True)
os.kill(os.getpid(), signal.SIGSTOP)
time.sleep(1000)
)",
            2},
    Evasion{"SignalsIgnored", R"(
import signal, time
for number in range(1, signal.NSIG):
    try:
        signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, [number])
    except (OSError, ValueError):
        pass
print("ready", flush=True)
time.sleep(1000)
)",
            1},
    Evasion{"ForkBomb", R"(
import os, time
for _ in range(20):
    try:
        if os.fork() == 0:
            while True:
                try:
                    os.fork()
                except OSError:
                    time.sleep(0.01)
    except OSError:
        break
time.sleep(0.1)
print("ready", flush=True)
time.sleep(1000)
)",
            10},
    Evasion{"PipesHeld", R"(
import os, time
for number in range(6):
    if os.fork() == 0:
        os.setsid()
        for fd in (1, 2):
            os.dup(fd)
        time.sleep(1000)
print("ready", flush=True)
time.sleep(1000)
)",
            7},
    Evasion{"StdoutClosed", R"(
import os, time
print("ready", flush=True)
os.close(1)
os.close(2)
time.sleep(1000)
)",
            1},
    Evasion{"Zombies", R"(
import os, time
for _ in range(20):
    if os.fork() == 0:
        os._exit(0)
print("ready", flush=True)
time.sleep(1000)
)",
            1},
    Evasion{"Vfork", R"(
import ctypes, os, time
libc = ctypes.CDLL(None)
if os.fork() == 0:
    if libc.vfork() == 0:
        libc.pause()
time.sleep(0.2)
print("ready", flush=True)
time.sleep(1000)
)",
            3},
    Evasion{"Threads", R"(
import threading
go = threading.Event()
def spin():
    go.wait()
    while True:
        pass
for _ in range(8):
    threading.Thread(target=spin).start()
print("ready", flush=True)
go.set()
)",
            1},
    Evasion{"Traced", R"(
import ctypes, os, time
libc = ctypes.CDLL(None)
child = os.fork()
if child == 0:
    time.sleep(1000)
libc.ptrace(16, child, None, None)
os.waitpid(child, 0)
print("ready", flush=True)
time.sleep(1000)
)",
            2},
};

class Evading : public testing::TestWithParam<Evasion> {};

TEST_P(Evading, IsEndedByTheClockWithEverythingItStarted) {
    const auto start = std::chrono::steady_clock::now();
    const RunningJob job =
        start_job(GetParam().code, {"--timeout", std::to_string(1500 * time_scale()) + "ms"});
    ASSERT_TRUE(await_line(job));
    const std::vector<pid_t> processes = processes_of(job.payload);
    EXPECT_GE(processes.size(), GetParam().processes);
    EXPECT_EQ(await_end(job), 124);
    EXPECT_LT(std::chrono::steady_clock::now() - start, 10s * time_scale());
    for (const pid_t pid : processes)
        EXPECT_FALSE(exists(pid)) << pid;
}

INSTANTIATE_TEST_SUITE_P(Ways, Evading, testing::ValuesIn(kEvasions),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(Killing, TheHostForksFreelyBesideAForkBomb) {
    const RunningJob job = start_job(kEvasions[4].code, {"--pids-limit", "16", "--timeout", "60s"});
    ASSERT_TRUE(await_line(job));
    EXPECT_LE(processes_of(job.payload).size(), 18U);
    for (int i = 0; i < 50; ++i) {
        const pid_t child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) ::_exit(0);
        ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    }
    ::kill(job.supervisor, SIGTERM);
    EXPECT_EQ(await_end(job), 128 + SIGTERM);
}

TEST(Killing, WhatItWroteBeforeADaemonTookItsPipesIsAllThere) {
    const auto result = result_unvalidated(R"(
import os, time
if os.fork() == 0:
    os.setsid()
    time.sleep(1000)
print("x" * 100000)
)");
    EXPECT_EQ(result["status"], "exited") << result;
    EXPECT_EQ(result["stdout"]["bytes_total"], 100001);
}

TEST(Killing, AKillFromOutsideIsNobodysLimit) {
    const RunningJob job = start_job("import time\nprint('ready', flush=True)\ntime.sleep(1000)");
    ASSERT_TRUE(await_line(job));
    ::kill(job.payload, SIGKILL);
    EXPECT_EQ(await_end(job), 128 + SIGKILL);
    const auto own = result_unvalidated("import os\nos.kill(os.getpid(), 9)");
    EXPECT_EQ(own["status"], "signaled");
    EXPECT_TRUE(own["limit"].is_null());
}

TEST(Killing, ASignalEndsASupervisorWhoseReaderIsStuck) {
    const RunningJob job = start_job("print('x' * 3000000)", {"--timeout", "1s"});
    for (int i = 0; i < 300 && exists(job.payload); ++i)
        ::usleep(20000);
    EXPECT_FALSE(exists(job.payload));  // Nobody reads, so the clock ended it.
    EXPECT_TRUE(exists(job.supervisor));
    ::kill(job.supervisor, SIGTERM);
    EXPECT_EQ(await_end(job), 128 + SIGTERM);
}

/// The program's own child traces it, sleeps, and so never reaps it: nobody else can, either, until
/// the tracer is gone.
TEST(Killing, AProgramThatIsTracedByItsChildEndsAllTheSame) {
    const auto result = result_unvalidated(R"(
import ctypes, os, time
libc = ctypes.CDLL(None, use_errno=True)
PR_SET_PTRACER, PTRACE_SEIZE = 0x59616d61, 0x4206
libc.prctl(PR_SET_PTRACER, ctypes.c_ulong(-1 & (1 << 64) - 1), 0, 0, 0)
parent = os.getpid()
said, says = os.pipe()
if os.fork() == 0:
    os.write(says, b'%d' % libc.ptrace(PTRACE_SEIZE, parent, None, None))
    time.sleep(1000)
print(os.read(said, 8).decode(), flush=True)
os._exit(5)
)",
                                           {"--timeout", "20s"});
    EXPECT_EQ(result["stdout"]["text"], "0\n") << "the attack did not run: " << result;
    EXPECT_EQ(result["status"], "exited") << result;
    EXPECT_EQ(result["exit_code"], 5);
    EXPECT_LT(result["usage"]["wall_ms"], 10'000);
}

}  // namespace
}  // namespace vitrine::test
