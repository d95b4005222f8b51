// Layer 5 as far as this host has it: each limit holds, and its twin below the limit is left alone.
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>

#include "support/programs.h"
#include "support/running_job.h"
#include "support/vitrine_program.h"

namespace vitrine::test {
namespace {

bool has_cgroup(const nlohmann::json& result) {
    return result["isolation"]["limits_backend"] == "cgroup2";
}

TEST(Limits, MemoryEndsWhereTheFlagSays) {
    const std::string code = R"(
blocks = []
for _ in range(40):
    blocks.append(bytearray(8 << 20))
print("all")
)";
    const auto attack = result_unvalidated(code, {"--memory", "128m"});
    EXPECT_EQ(attack["stdout"]["text"], "") << attack;
    if (has_cgroup(attack)) {
        EXPECT_EQ(attack["status"], "memory") << attack;
    } else {
        EXPECT_EQ(attack["exception"]["type"], "MemoryError") << attack;
    }
    const auto control = result_unvalidated(code, {"--memory", "1g"});
    EXPECT_EQ(control["stdout"]["text"], "all\n") << control;
}

TEST(Limits, ProcessesAreCountedTogetherAgainstTheMemoryLimit) {
    const std::string code = holds_memory(6, 5);
    const auto attack = result_unvalidated(code, {"--memory", "128m", "--timeout", "60s"});
    EXPECT_EQ(attack["status"], "memory") << attack;
    EXPECT_EQ(attack["limit"]["name"], "memory");
    EXPECT_EQ(attack["limit"]["value"], 128 << 20);
    EXPECT_EQ(attack["stdout"]["text"], "");
    const auto control = result_unvalidated(code, {"--memory", "1g", "--timeout", "60s"});
    EXPECT_EQ(control["stdout"]["text"], "all\n") << control;
    EXPECT_GT(control["usage"]["memory_peak_bytes"], 240 << 20);
    EXPECT_EQ(control["usage"]["memory_source"], has_cgroup(control) ? "memory.peak" : "sampled");
}

TEST(Limits, ASharedHeapIsNotCountedOncePerProcess) {
    const auto result = result_unvalidated(R"(
import os, time
block = bytearray(60 << 20)
for _ in range(6):
    if os.fork() == 0:
        time.sleep(0.5)
        os._exit(0)
for _ in range(6):
    os.wait()
print("all")
)",
                                           {"--memory", "128m", "--timeout", "60s"});
    EXPECT_EQ(result["status"], "exited") << result;
}

TEST(Limits, AForkBombStaysSmall) {
    const std::string code = R"(
import os, time, vitrine
children = 0
while children < 300:
    try:
        pid = os.fork()
    except OSError:
        break
    if pid == 0:
        time.sleep(100)
        os._exit(0)
    children += 1
vitrine.result(children)
)";
    const auto attack = result_unvalidated(code, {"--pids-limit", "20"});
    EXPECT_EQ(attack["value"], 19) << attack;
    const auto control = result_unvalidated(code, {"--pids-limit", "400"});
    EXPECT_EQ(control["value"], 300) << control;
}

TEST(Limits, ThreadsCountAsProcesses) {
    const std::string code = R"(
import threading, vitrine
stop = threading.Event()
threads = []
try:
    for _ in range(50):
        thread = threading.Thread(target=stop.wait)
        thread.start()
        threads.append(thread)
except RuntimeError:
    pass
stop.set()
vitrine.result(len(threads))
)";
    EXPECT_EQ(result_unvalidated(code, {"--pids-limit", "10"})["value"], 9);
    EXPECT_EQ(result_unvalidated(code)["value"], 50);
}

TEST(Limits, CpuTimeIsNotWallTime) {
    const auto attack =
        result_unvalidated("while True: pass", {"--cpu-time", "300ms", "--timeout", "30s"});
    EXPECT_EQ(attack["status"], "cpu_timeout") << attack;
    EXPECT_EQ(attack["limit"]["name"], "cpu-time");
    const auto control =
        result_unvalidated("import time; time.sleep(0.6)", {"--cpu-time", "300ms"});
    EXPECT_EQ(control["status"], "exited") << control;
}

TEST(Limits, AnEndlessOutputIsCutAndDrained) {
    const auto result =
        result_unvalidated("import sys\nfor i in range(300000): print('line', i)\nprint('the end')",
                           {"--max-output", "64k"});
    EXPECT_EQ(result["status"], "exited") << result["error"];
    const auto& out = result["stdout"];
    EXPECT_EQ(out["truncated"], true);
    EXPECT_LE(out["bytes_kept"], 65536);
    EXPECT_GT(out["bytes_total"], 3000000);
    const std::string text = out["text"];
    EXPECT_TRUE(text.starts_with("line 0\nline 1\n"));
    EXPECT_TRUE(text.ends_with("the end\n"));
    EXPECT_LT(text.size(), 65536U + 200);
}

/// The most memory a living process has had, in bytes.
std::uint64_t peak_memory(pid_t pid) {
    std::ifstream status(concat("/proc/", pid, "/status"));
    for (std::string word; status >> word;) {
        std::uint64_t kibibytes = 0;
        if (word == "VmHWM:" && status >> kibibytes) return kibibytes << 10U;
    }
    return 0;
}

/// What a job's supervisor needed, and the result it printed. It waits while nobody reads that, so
/// the last look comes late enough.
std::pair<std::uint64_t, nlohmann::json> supervise(const std::string& code) {
    const RunningJob job = start_job(code, {"--result", "-", "--timeout", "100s"});
    std::uint64_t peak = 0;
    std::string text;
    std::array<char, 4096> part{};
    for (ssize_t got = 1; got > 0;) {
        pollfd output{job.output.get(), POLLIN, 0};
        const bool is_readable = ::poll(&output, 1, 5) == 1;
        peak = std::max(peak, peak_memory(job.supervisor));
        if (!is_readable) continue;
        got = ::read(job.output.get(), part.data(), part.size());
        text.append(part.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    }
    EXPECT_EQ(await_end(job), 0);
    return {peak, nlohmann::json::parse(text)};
}

TEST(Limits, EndlessOutputCostsTheSupervisorBoundedMemory) {
    const auto writes = [](std::uint64_t bytes) {
        return concat("import os\nleft = ", bytes, R"(
block = bytes(1 << 20)
while left > 0:
    left -= os.write(1, block[:left])
)");
    };
    const auto [peak, result] = supervise(writes(200'000'000));
    EXPECT_EQ(result["stdout"]["bytes_total"], 200'000'000);
    // More than a pipe holds, so that this one waits, too.
    const auto [usual, control] = supervise(writes(100'000));
    EXPECT_EQ(control["stdout"]["bytes_total"], 100'000);
    // What is kept, a mebibyte, in a few forms: as bytes, as text, as JSON.
    EXPECT_LT(peak, usual + (24U << 20U));
    EXPECT_GT(usual, 1U << 20U);
}

TEST(Limits, TheEndOfTheOutputIsWhatAUserMayWant) {
    const std::string code = "for i in range(20000): print('line', i)";
    const auto tail = result_of(code, {"--max-output", "4k", "--output-keep", "tail"});
    const std::string text = tail["stdout"]["text"];
    EXPECT_TRUE(text.starts_with("[vitrine: ")) << text.substr(0, 100);
    EXPECT_TRUE(text.ends_with("line 19999\n"));
    EXPECT_EQ(tail["stdout"]["bytes_kept"], 4096);
    const auto head = result_of(code, {"--max-output", "4k", "--output-keep", "head"});
    const std::string start = head["stdout"]["text"];
    EXPECT_TRUE(start.starts_with("line 0\n"));
    EXPECT_TRUE(start.ends_with("bytes left out]\n"));
    EXPECT_EQ(run_code(code, {"--output-keep", "middle"}).exit_code, 125);
}

TEST(Limits, ADeviceThatIsNoneIsRefused) {
    const Answer answer = run_code("pass", {"--device-read-bps", "/dev/null:1m"});
    EXPECT_EQ(answer.exit_code, 125);
    EXPECT_NE(answer.err.find("is no block device"), std::string::npos) << answer.err;
    EXPECT_EQ(run_code("pass", {"--device-write-iops", "nothing"}).exit_code, 125);
}

TEST(Limits, OutputMayEndTheJob) {
    const auto result = result_unvalidated("while True: print('x' * 1000)",
                                           {"--max-output", "64k:kill", "--timeout", "30s"});
    EXPECT_EQ(result["status"], "output_limit") << result["error"];
    EXPECT_EQ(result["signal"], SIGKILL);
    const auto control = result_unvalidated("print('x')", {"--max-output", "64k:kill"});
    EXPECT_EQ(control["status"], "exited");
}

TEST(Limits, UlimitsAreSet) {
    const std::string code = R"(
import resource, vitrine
vitrine.result([list(resource.getrlimit(resource.RLIMIT_NOFILE)),
                list(resource.getrlimit(resource.RLIMIT_FSIZE)),
                list(resource.getrlimit(resource.RLIMIT_CORE))])
)";
    const auto given =
        result_unvalidated(code, {"--ulimit", "nofile=64:80", "--ulimit", "fsize=4096"});
    EXPECT_EQ(given["value"], (nlohmann::json::array({{64, 80}, {4096, 4096}, {1, 1}}))) << given;
    const auto usual = result_unvalidated(code);
    EXPECT_EQ(usual["value"][0], (nlohmann::json::array({256, 256})));
}

TEST(Limits, TheBackendIsNamedAndItsAbsenceIsToldOnce) {
    const Answer answer = run_code("pass", {"--result", "-"});
    const auto result = answer.result();
    const bool degraded =
        result["isolation"]["degraded"].dump().find("cgroup") != std::string::npos;
    EXPECT_EQ(degraded, !has_cgroup(result));
    EXPECT_EQ(answer.err.find("limits by rlimits only") != std::string::npos, degraded);
    const auto required = result_of("pass", {"--require", "cgroup"});
    EXPECT_EQ(required["status"], degraded ? "setup_error" : "exited");
}

}  // namespace
}  // namespace vitrine::test
