// Jobs against whoever tells of their denied calls: the listener is out of reach, and neither
// hammering nor dying in the middle hangs the job or keeps the supervisor busy without bound.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <sstream>

#include "base/error.h"
#include "support/running_job.h"
#include "support/vitrine_program.h"

namespace vitrine::test {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr const char* kDenied = R"(
import ctypes, os, signal, sys, threading, time, vitrine
libc = ctypes.CDLL(None, use_errno=True)
MOUNT, KEYCTL = 165, 250

def denied(number=MOUNT):
    ctypes.set_errno(0)
    return ctypes.get_errno() if libc.syscall(number, 0, 0, 0, 0, 0) == -1 else 0

def forever(told=None):
    for _ in range(20):
        denied()
    if told is not None:
        os.write(told, b"x")
    while True:
        denied()

def hammer_in_threads(count):
    for _ in range(count):
        threading.Thread(target=forever, daemon=True).start()
)";

nlohmann::json explain(const std::string& code, std::vector<std::string> flags = {}) {
    flags.insert(flags.begin(), "--explain-denied");
    return result_unvalidated(std::string(kDenied) + code, flags);
}

std::uint64_t count_of(const nlohmann::json& result, const std::string& name) {
    std::uint64_t count = 0;
    for (const auto& call : result["denied_syscalls"]) {
        if (call["name"] == name) count += call["count"].get<std::uint64_t>();
    }
    return count;
}

/// Everything a job can see of its descriptors.
constexpr const char* kDescriptors = R"(
found = {}
for number in range(256):
    try:
        os.fstat(number)
        found[number] = os.readlink(f"/proc/self/fd/{number}").split(":")[0]
    except OSError:
        pass
child = os.fork()
if child == 0:
    os._exit(sum(1 for n in range(4, 256) if os.path.exists(f"/proc/self/fd/{n}")))
in_child = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
vitrine.result({"found": found, "in_child": in_child, "denied": denied()})
)";

TEST(DeniedCalls, TheListenerIsOutOfReach) {
    const auto result = explain(kDescriptors);
    ASSERT_TRUE(result["value"].is_object()) << result;
    EXPECT_EQ(result["value"]["found"],
              (nlohmann::json{{"0", "pipe"}, {"1", "pipe"}, {"2", "pipe"}, {"3", "socket"}}));
    EXPECT_EQ(result["value"]["in_child"], 0);
    // The control: there is a listener, and it hears.
    EXPECT_EQ(result["value"]["denied"], EPERM);
    EXPECT_EQ(count_of(result, "mount"), 1U);
}

/// A job that makes a listener of its own would hear its own calls alone; here not even that. The
/// twin runs without a listener around it.
constexpr const char* kOwnListener = R"(
import struct
SET_MODE_FILTER, NEW_LISTENER, USER_NOTIF = 1, 8, 0x7fc00000
ALLOW = 0x7fff0000
code = struct.pack("HBBI", 0x20, 0, 0, 0) + struct.pack("HBBI", 0x15, 0, 1, 9999)
code += struct.pack("HBBI", 6, 0, 0, USER_NOTIF) + struct.pack("HBBI", 6, 0, 0, ALLOW)
memory = ctypes.create_string_buffer(code, len(code))
program = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", 4, ctypes.addressof(memory)))
ctypes.set_errno(0)
made = libc.syscall(317, SET_MODE_FILTER, NEW_LISTENER, program)
vitrine.result([made > 0, ctypes.get_errno()])
)";

TEST(DeniedCalls, NoSecondListenerHearsOfThem) {
    EXPECT_EQ(explain(kOwnListener)["value"], nlohmann::json::array({false, EBUSY}));
    EXPECT_EQ(result_unvalidated(std::string(kDenied) + kOwnListener)["value"],
              nlohmann::json::array({true, 0}));
}

constexpr const char* kHammer = R"(
def hammer(times, wrong):
    for _ in range(times):
        if denied() != 1:
            wrong.append(ctypes.get_errno())
wrong = []
threads = [threading.Thread(target=hammer, args=(TIMES // THREADS, wrong)) for _ in range(THREADS)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
vitrine.result(wrong)
)";

TEST(DeniedCalls, AreAllAnsweredAndCounted) {
    for (const int threads : {1, 32}) {
        const auto result = explain(concat("TIMES, THREADS = 96000, ", threads, "\n", kHammer),
                                    {"--timeout", "120s"});
        EXPECT_EQ(result["value"], nlohmann::json::array()) << threads << " " << result;
        EXPECT_EQ(count_of(result, "mount"), 96000U) << threads;
    }
}

/// CPU time in clock ticks, and resident kilobytes.
std::pair<long, long> load_of(pid_t pid) {
    std::ifstream stat(concat("/proc/", pid, "/stat"));
    std::string text((std::istreambuf_iterator<char>(stat)), {});
    std::istringstream fields(text.substr(text.rfind(')') + 2));
    std::string skipped;
    for (int field = 3; field < 14; ++field)
        fields >> skipped;
    long user = 0;
    long system = 0;
    fields >> user >> system;
    std::ifstream status(concat("/proc/", pid, "/status"));
    long resident = 0;
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("VmRSS:")) resident = std::stol(line.substr(6));
    }
    return {user + system, resident};
}

TEST(DeniedCalls, HammeringDoesNotLoadTheSupervisorWithoutBound) {
    const RunningJob job = start_job(std::string(kDenied) + R"(
def count_up(first):
    number = first
    while True:
        denied(number if number < 3000 else MOUNT)
        number += 1
for i in range(31):
    threading.Thread(target=count_up, args=(1000 + 50 * i,), daemon=True).start()
print("ready", flush=True)
count_up(1000)
)",
                                     {"--explain-denied", "--timeout", "60s"});
    ASSERT_TRUE(await_line(job));
    ::usleep(500'000);  // What was saved up is spent.
    const auto before = load_of(job.supervisor);
    const auto start = Clock::now();
    ::sleep(3);
    const auto after = load_of(job.supervisor);
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    const double cpu = static_cast<double>(after.first - before.first) /
                       static_cast<double>(::sysconf(_SC_CLK_TCK));
    EXPECT_GT(cpu, 0.0) << "nobody hammered";
    EXPECT_LT(cpu / seconds, 0.6);
    EXPECT_LT(after.second - before.second, 1024) << "kilobytes";
    ::kill(job.supervisor, SIGTERM);
    EXPECT_EQ(await_end(job), 128 + SIGTERM);
}

TEST(DeniedCalls, TheTimeLimitHoldsAgainstHammering) {
    const auto start = Clock::now();
    const auto result =
        explain(concat("TIMES, THREADS = 10**12, 32\n", kHammer), {"--timeout", "1s"});
    EXPECT_EQ(result["status"], "timeout") << result;
    EXPECT_LT(Clock::now() - start, 20s);
    EXPECT_GT(count_of(result, "mount"), 1000U);
}

TEST(DeniedCalls, KindsBeyondSixtyFourAreOnlyCounted) {
    const auto result =
        explain("vitrine.result([denied(1000 + i) for i in range(500)] == [38] * 500)");
    EXPECT_EQ(result["value"], true);
    EXPECT_EQ(result["denied_syscalls"].size(), 65U);
    EXPECT_EQ(result["denied_syscalls"][64]["name"], "others");
    EXPECT_EQ(count_of(result, "others"), 436U);
}

/// A way to be gone while a denied call waits for its answer. Each run ends by itself, in time.
struct Leaving {
    const char* name;
    const char* code;
    const char* status;
};

constexpr std::array kWaysToLeave{
    Leaving{"ExitByAnotherThread", R"(
hammer_in_threads(20)
time.sleep(0.2)
os._exit(0)
)",
            "exited"},
    Leaving{"KilledByItself", R"(
hammer_in_threads(20)
time.sleep(0.2)
os.kill(os.getpid(), signal.SIGKILL)
)",
            "signaled"},
    Leaving{"ChildrenKilledInTheMiddle", R"(
for _ in range(30):
    child = os.fork()
    if child == 0:
        while True:
            denied()
    time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
assert denied() == 1
)",
            "exited"},
    Leaving{"ForkWhileOneIsPending", R"(
hammer_in_threads(8)
for _ in range(50):
    child = os.fork()
    if child == 0:
        os._exit(denied())
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
os._exit(0)
)",
            "exited"},
    Leaving{"OrphansGoOn", R"(
told, tell = os.pipe()
for _ in range(10):
    if os.fork() == 0:
        forever(tell)
os.read(told, 1)
assert denied() == 1
)",
            "exited"},
    Leaving{"Stopped", R"(
told, tell = os.pipe()
child = os.fork()
if child == 0:
    forever(tell)
os.read(told, 1)
os.kill(child, signal.SIGSTOP)
os.waitpid(child, os.WUNTRACED)
assert denied() == 1
)",
            "exited"},
};

class Leave : public testing::TestWithParam<Leaving> {};

TEST_P(Leave, NeitherHangsNorGoesUncounted) {
    const auto start = Clock::now();
    const auto result = explain(GetParam().code, {"--timeout", "60s"});
    EXPECT_EQ(result["status"], GetParam().status) << result;
    if (result["status"] == "exited") {
        EXPECT_EQ(result["exit_code"], 0) << result["stderr"];
    }
    EXPECT_LT(Clock::now() - start, 40s);
    EXPECT_GT(count_of(result, "mount"), 10U);
}

INSTANTIATE_TEST_SUITE_P(DeniedCalls, Leave, testing::ValuesIn(kWaysToLeave),
                         [](const auto& way) { return way.param.name; });

/// Python's handlers interrupt what they can. A call that was heard of they cannot.
TEST(DeniedCalls, SignalsSeldomComeBetween) {
    const auto result = explain(R"(
import collections
signal.signal(signal.SIGALRM, lambda *_: None)
signal.setitimer(signal.ITIMER_REAL, 0.002, 0.002)
answers = collections.Counter(denied() for _ in range(20000))
vitrine.result(answers)
)",
                                {"--timeout", "120s"});
    ASSERT_TRUE(result["value"].is_object()) << result;
    // EPERM, or EINTR for one that nobody had heard of yet.
    EXPECT_LT(result["value"].size(), 3U) << result["value"];
    EXPECT_GT(result["value"]["1"], 18000);
}

}  // namespace
}  // namespace vitrine::test
