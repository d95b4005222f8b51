// Layer 5 with real cgroup v2 controllers: run in the machine that tools/test-vm boots.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "kernel/process.h"
#include "limits/cgroup_tree.h"
#include "limits/owner.h"
#include "support/programs.h"
#include "support/running_job.h"
#include "support/vitrine_program.h"

namespace vitrine::test {
namespace {

using limits::CgroupLeaf;
using limits::CgroupTree;

constexpr const char* kMount = "/sys/fs/cgroup";

CgroupTree tree() {
    auto found = CgroupTree::discover();
    if (!found) throw Error(concat(found.error().message, "; ", found.error().remedy));
    return *found;
}

std::string value_of(const CgroupLeaf& leaf, const char* file) {
    std::string text = read_file(concat(kMount, leaf.path(), "/", file), 4096);
    return text.substr(0, text.find('\n'));
}

TEST(CgroupLeaf, HasEveryLimitBeforeAnyProcess) {
    Limits limits;
    limits.memory_bytes = 64 << 20;
    limits.cpus = 0.5;
    limits.pids = 10;
    std::string path;
    {
        const CgroupLeaf leaf = tree().make_leaf(limits, 2);
        path = concat(kMount, leaf.path());
        EXPECT_EQ(value_of(leaf, "memory.max"), std::to_string(64 << 20));
        EXPECT_EQ(value_of(leaf, "memory.oom.group"), "1");
        EXPECT_EQ(value_of(leaf, "pids.max"), "12");
        EXPECT_EQ(value_of(leaf, "cpu.max"), "10000 20000");
        EXPECT_EQ(value_of(leaf, "cpu.max.burst"), "10000");
        EXPECT_EQ(value_of(leaf, "memory.high"), "max");
        EXPECT_EQ(value_of(leaf, "memory.swap.max"), "0");
        EXPECT_TRUE(std::filesystem::exists(path));
    }
    EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(CgroupLeaf, KillReachesEverythingBornInIt) {
    const CgroupLeaf leaf = tree().make_leaf({}, 100);
    const kernel::Cloned child =
        kernel::clone_process({.flags = 0, .cgroup_fd = leaf.directory_fd()});
    if (child.pid == 0) {
        for (int i = 0; i < 3; ++i) {
            if (::fork() == 0) {
                ::setsid();
                if (::fork() == 0) ::pause();
                ::pause();
            }
        }
        ::pause();
    }
    EXPECT_FALSE(leaf.wait_until_empty(std::chrono::milliseconds(200)));  // Control: they live.
    leaf.kill();
    EXPECT_TRUE(leaf.wait_until_empty(std::chrono::seconds(10)));
    const kernel::Ended ended = kernel::wait_for(child.pidfd.get());
    EXPECT_TRUE(ended.by_signal);
    EXPECT_EQ(ended.code, SIGKILL);
}

/// A name as that of a supervisor that is gone: this boot, this pid namespace, a start time that
/// no process of this pid has.
std::string leaf_of_the_dead(const CgroupTree& in) {
    limits::Owner owner = limits::this_owner();
    owner.start_time += 1;
    return concat(kMount, in.path(), "/job-", to_text(owner), "-0");
}

TEST(CgroupTree, SweepsWhatADeadSupervisorLeft) {
    const CgroupTree own = tree();
    const std::string dead = leaf_of_the_dead(own);
    const std::string unknown = concat(kMount, own.path(), "/job-of-somebody");
    const CgroupLeaf living = own.make_leaf({}, 2);
    std::filesystem::create_directory(dead);
    std::filesystem::create_directory(unknown);
    EXPECT_EQ(own.sweep(), 1);
    EXPECT_FALSE(std::filesystem::exists(dead));
    EXPECT_TRUE(std::filesystem::exists(unknown));
    EXPECT_TRUE(std::filesystem::exists(kMount + living.path()));
    std::filesystem::remove(unknown);
}

TEST(CgroupTree, ARunSweepsToo) {
    const std::string dead = leaf_of_the_dead(tree());
    std::filesystem::create_directory(dead);
    (void)run_code("pass");
    EXPECT_FALSE(std::filesystem::exists(dead));
}

TEST(Vitrine, AKilledSupervisorsLeafIsSweptByTheNext) {
    const CgroupTree own = tree();
    const RunningJob job = start_job("import time\nprint(1, flush=True)\ntime.sleep(1000)");
    ASSERT_TRUE(await_line(job));
    ::kill(job.supervisor, SIGKILL);
    EXPECT_EQ(await_end(job), 128 + SIGKILL);
    EXPECT_TRUE(vanishes(job.payload));
    EXPECT_EQ(own.sweep(), 1);  // Control: it had left one.
}

TEST(Vitrine, LimitsByTheCgroup) {
    const auto result = result_of("pass", {"--require", "cgroup"});
    ASSERT_EQ(result["status"], "exited") << result;
    EXPECT_EQ(result["isolation"]["limits_backend"], "cgroup2");
    EXPECT_EQ(result["isolation"]["degraded"].dump().find("\"cgroup\""), std::string::npos);
    EXPECT_EQ(result["usage"]["memory_source"], "memory.peak");
}

TEST(Vitrine, MemoryBeyondTheLimitIsAnOomKillOfTheWholeJob) {
    const std::string code = R"(
import os
if os.fork() == 0:
    data = []
    while True:
        data.append(bytes(1 << 20) * 8)
os.wait()
print("survived")
)";
    const auto attack = result_unvalidated(code, {"--memory", "96m", "--timeout", "200s"});
    EXPECT_EQ(attack["status"], "memory") << attack;
    EXPECT_EQ(attack["limit"]["name"], "memory");
    EXPECT_EQ(attack["signal"], SIGKILL);
    EXPECT_GE(attack["usage"]["oom_kills"], 1);
    EXPECT_EQ(attack["stdout"]["text"], "");
    const auto control =
        result_unvalidated("data = b'x' * (32 << 20)\nprint(len(data))", {"--memory", "96m"});
    EXPECT_EQ(control["status"], "exited") << control;
    EXPECT_EQ(control["usage"]["oom_kills"], 0);
    EXPECT_GT(control["usage"]["memory_peak_bytes"], 32 << 20);
}

TEST(Vitrine, AnOomKillIsNotATimeoutHoweverCloseTheyAre) {
    // Near the moment the clock runs out: whichever was first, it is one of the two and is backed
    // by the kernel's own count.
    for (const char* delay : {"0.9", "0.95", "1.0", "1.05"}) {
        const auto result = result_unvalidated(
            concat("import time\ntime.sleep(", delay, ")\nblock = bytearray(200 << 20)"),
            {"--memory", "64m", "--timeout", "1s"});
        const bool was_killed_for_memory = result["usage"]["oom_kills"] > 0;
        EXPECT_EQ(result["status"], was_killed_for_memory ? "memory" : "timeout") << result;
    }
}

TEST(Vitrine, PidsAreCounted) {
    const std::string code = kStartsForty;
    EXPECT_LE(result_unvalidated(code, {"--pids-limit", "10", "--timeout", "100s"})["value"], 11);
    EXPECT_EQ(result_unvalidated(code, {"--pids-limit", "60", "--timeout", "100s"})["value"], 40);
}

TEST(Vitrine, RefusedProcessesAreCounted) {
    const std::string code = R"(
import os, time
for _ in range(14):
    try:
        if os.fork() == 0:
            time.sleep(1000)
    except OSError:
        pass
)";
    const auto result = result_unvalidated(code, {"--pids-limit", "8", "--timeout", "100s"});
    // 14 forks for 7 places, or 8 once the zygote has left its own.
    EXPECT_GE(result["usage"]["pids_limit_hits"], 6) << result["usage"];
    EXPECT_LE(result["usage"]["pids_limit_hits"], 7) << result["usage"];
    const auto control = result_unvalidated(code, {"--pids-limit", "30", "--timeout", "100s"});
    EXPECT_EQ(control["usage"]["pids_limit_hits"], 0) << control["usage"];
}

TEST(Vitrine, MemoryIsMeasuredToTheMebibyte) {
    const auto touch = [](int mebibytes) {
        return concat("block = bytearray(", mebibytes, " << 20)\nprint(len(block))");
    };
    const auto over = result_unvalidated(touch(65), {"--memory", "64m", "--timeout", "100s"});
    EXPECT_EQ(over["status"], "memory") << over;
    const auto below = result_unvalidated(touch(40), {"--memory", "64m", "--timeout", "100s"});
    EXPECT_EQ(below["status"], "exited") << below;
}

TEST(Vitrine, FilesInTmpAreTheJobsMemory) {
    const std::string code = R"(
import vitrine
written = 0
try:
    with open(PATH + "/fill", "wb") as file:
        while written < 1 << 30:
            file.write(bytes(1 << 20))
            written += 1 << 20
except OSError:
    pass
vitrine.result(written)
)";
    for (const char* place : {"PATH = '/tmp'", "PATH = '/dev/shm'"}) {
        const std::string fill = place + code;
        const auto charged =
            result_unvalidated(fill, {"--memory", "64m", "--tmpfs", "/tmp:size=2g"});
        EXPECT_EQ(charged["status"], "memory") << charged;
        const auto bounded = result_unvalidated(fill, {"--memory", "128m"});
        EXPECT_EQ(bounded["status"], "exited") << bounded;
        EXPECT_LE(bounded["value"], 64 << 20);
        EXPECT_GT(bounded["usage"]["memory_peak_bytes"], 60 << 20);
    }
}

/// The program's own share of one CPU while it spins for `seconds`.
double share_of_a_cpu(const char* cpus) {
    const auto result = result_unvalidated(R"(
import time, vitrine
time.sleep(0.2)
wall, cpu = time.monotonic(), time.process_time()
while time.monotonic() < wall + 4:
    pass
vitrine.result((time.process_time() - cpu) / (time.monotonic() - wall))
)",
                                           {"--cpus", cpus, "--timeout", "100s"});
    return result["value"];
}

TEST(Vitrine, AQuarterOfACpuIsAQuarter) {
    EXPECT_NEAR(share_of_a_cpu("0.25"), 0.25, 0.05);
}

TEST(Vitrine, CpuTimeIsRationed) {
    const std::string code = "import time\nend = time.time() + 4\nwhile time.time() < end: pass";
    const auto slow = result_of(code, {"--cpus", "0.2", "--timeout", "100s"});
    EXPECT_GT(slow["usage"]["throttled_ms"], 500) << slow["usage"];
    const auto free = result_of("x = 1", {"--cpus", "2", "--timeout", "100s"});
    EXPECT_LT(free["usage"]["throttled_ms"], 100) << free["usage"];
}

TEST(Vitrine, CpuTimeCountsEveryProcess) {
    const std::string code = R"(
import os
for _ in range(2):
    if os.fork() == 0:
        while True:
            pass
os.wait()
)";
    const auto result = result_unvalidated(code, {"--cpu-time", "3s", "--timeout", "100s"});
    EXPECT_EQ(result["status"], "cpu_timeout") << result;
}

/// The same for a command of the rootfs, all its processes together.
TEST(Vitrine, HoldsACommandByTheCgroup) {
    const auto run = [](const std::string& script, std::vector<std::string> flags) {
        flags.insert(flags.end(), {"--require", "cgroup", "--timeout", "100s", "--result", "-"});
        return run_shell(script, flags).result();
    };
    const auto fits = run("sleep 0.2 & sleep 0.2 & wait; echo done", {"--memory", "64m"});
    EXPECT_EQ(fits["exit_code"], 0) << fits;
    EXPECT_EQ(fits["stdout"]["text"], "done\n");
    EXPECT_GE(fits["usage"]["pids_peak"], 3);
    const auto large = run("dd if=/dev/zero of=/dev/null bs=200M count=1", {"--memory", "64m"});
    EXPECT_EQ(large["status"], "memory") << large;
    const auto busy =
        run("for i in 1 2; do while :; do :; done & done; wait", {"--cpu-time", "2s"});
    EXPECT_EQ(busy["status"], "cpu_timeout") << busy;
    const auto many =
        run("for i in 1 2 3 4 5 6 7 8 9; do sleep 1 & done; wait", {"--pids-limit", "5"});
    EXPECT_GT(many["usage"]["pids_limit_hits"], 0) << many;
}

TEST(Vitrine, LeavesNoCgroupBehind) {
    (void)result_unvalidated("import os, time\nif os.fork() == 0: time.sleep(1000)", {});
    (void)result_of("while True: pass", {"--timeout", "2s"});
    const std::string base = concat(kMount, tree().path());
    for (const auto& entry : std::filesystem::directory_iterator(base)) {
        const std::string name = entry.path().filename();
        EXPECT_FALSE(entry.is_directory() && name.starts_with("job-")) << name;
    }
}

}  // namespace
}  // namespace vitrine::test
