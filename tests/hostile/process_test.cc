// Processes: init is out of reach, and nothing outlives a run, however it ends.
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>

#include "support/running_job.h"
#include "support/vitrine_program.h"

namespace vitrine::test {
namespace {

using namespace std::chrono_literals;

TEST(Process, InitIsOutOfReach) {
    const auto result = result_unvalidated(R"(
import ctypes, os, signal, vitrine
libc = ctypes.CDLL(None, use_errno=True)
PTRACE_ATTACH, PTRACE_DETACH = 16, 17

def attach(pid):
    ctypes.set_errno(0)
    if libc.ptrace(PTRACE_ATTACH, pid, None, None) < 0:
        return ctypes.get_errno()
    os.waitpid(pid, 0)
    libc.ptrace(PTRACE_DETACH, pid, None, None)
    return 0

def read(path):
    try:
        with open(path, "rb") as file:
            return len(file.read(16))
    except OSError as error:
        return -error.errno

def look_through(path):
    seen = 0
    for number in range(8):
        try:
            seen += bool(os.readlink(f"{path}/{number}"))
        except OSError:
            pass
    return seen

def peek(pid):
    class Vector(ctypes.Structure):
        _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]
    buffer = ctypes.create_string_buffer(8)
    local = Vector(ctypes.cast(buffer, ctypes.c_void_p), 8)
    remote = Vector(id(object), 8)
    ctypes.set_errno(0)
    done = libc.process_vm_readv(pid, ctypes.byref(local), 1, ctypes.byref(remote), 1, 0)
    return ctypes.get_errno() if done < 0 else 0

twin = os.fork()
if twin == 0:
    signal.pause()
try:
    os.kill(1, signal.SIGKILL)
except OSError:
    pass
attacks = {"ptrace": attach(1), "vm": peek(1), "mem": read("/proc/1/mem"),
           "environ": read("/proc/1/environ"), "maps": read("/proc/1/maps"),
           "fd": look_through("/proc/1/fd")}
controls = {"ptrace": attach(twin), "vm": peek(twin), "maps": read(f"/proc/{twin}/maps"),
            "fd": look_through(f"/proc/{twin}/fd")}
os.kill(twin, signal.SIGKILL)
os.waitpid(twin, 0)
vitrine.result({"attacks": attacks, "controls": controls, "init": os.path.exists("/proc/1")})
)");
    ASSERT_TRUE(result["value"].is_object()) << result;
    const auto& value = result["value"];
    EXPECT_EQ(value["init"], true);
    EXPECT_EQ(value["controls"]["ptrace"], 0);
    EXPECT_EQ(value["controls"]["vm"], 0);
    EXPECT_GT(value["controls"]["maps"], 0);
    EXPECT_GT(value["controls"]["fd"], 0);
    EXPECT_EQ(value["attacks"]["ptrace"], EPERM);
    EXPECT_EQ(value["attacks"]["vm"], EPERM);
    for (const char* file : {"mem", "environ", "maps", "fd"}) {
        EXPECT_LE(value["attacks"][file], 0) << file;
    }
}

constexpr const char* kStubborn = R"(
import os, signal, time
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(1000)
        os._exit(0)
time.sleep(0.2)
print("ready", flush=True)
time.sleep(1000)
)";

class EndedFromOutside : public testing::TestWithParam<int> {};

TEST_P(EndedFromOutside, LeavesNothingBehind) {
    const RunningJob running = start_job(kStubborn);
    ASSERT_TRUE(await_line(running));
    const std::vector<pid_t> processes = processes_of(running.payload);
    ASSERT_GE(processes.size(), 4U);  // Control: payload and three daemons (init may hide).
    ::kill(running.supervisor, GetParam());
    EXPECT_EQ(await_end(running), 128 + GetParam());
    for (const pid_t pid : processes)
        EXPECT_TRUE(vanishes(pid)) << pid;
}

INSTANTIATE_TEST_SUITE_P(Signals, EndedFromOutside,
                         testing::Values(SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGKILL));

TEST(Process, DaemonsEndWithTheProgram) {
    const RunningJob running = start_job(R"(
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(1000)
    os._exit(0)
os.wait()
print("ready", flush=True)
time.sleep(0.3)
)");
    ASSERT_TRUE(await_line(running));
    const std::vector<pid_t> processes = processes_of(running.payload);
    ASSERT_GE(processes.size(), 2U);
    EXPECT_EQ(await_end(running), 0);
    for (const pid_t pid : processes)
        EXPECT_TRUE(vanishes(pid)) << pid;
}

TEST(Process, TheWallClockEndsAWholeTree) {
    const auto start_time = std::chrono::steady_clock::now();
    const auto result = result_unvalidated(kStubborn, {"--timeout", "700ms"});
    EXPECT_LT(std::chrono::steady_clock::now() - start_time, 10s * time_scale());
    EXPECT_EQ(result["status"], "timeout") << result;
    EXPECT_EQ(result["signal"], SIGKILL);
    EXPECT_EQ(result["limit"]["name"], "timeout");
}

TEST(Process, OrphansAreReaped) {
    const auto result = result_unvalidated(R"(
import os, time, vitrine
for _ in range(20):
    if os.fork() == 0:
        if os.fork() == 0:
            os._exit(0)
        os._exit(0)
    os.wait()
for _ in range(200):
    left = [n for n in os.listdir("/proc") if n.isdigit() and int(n) not in (1, os.getpid())]
    if not left:
        break
    time.sleep(0.01)
vitrine.result(len(left))
)");
    EXPECT_EQ(result["value"], 0) << result;
}

TEST(Process, ItsDeathsAreItsOwn) {
    const auto result =
        result_unvalidated("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)");
    EXPECT_EQ(result["status"], "signaled");
    EXPECT_EQ(result["signal_name"], "SIGSEGV");
    EXPECT_EQ(run_code("import os; os.kill(os.getpid(), 6)", {"--no-validate"}).exit_code, 134);
}

}  // namespace
}  // namespace vitrine::test
