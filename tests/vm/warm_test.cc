// Warm jobs with real cgroup v2 controllers: a leaf for each, into which they are moved while
// parked.
#include <gtest/gtest.h>

#include <filesystem>

#include "base/error.h"
#include "limits/cgroup_tree.h"
#include "support/batch.h"
#include "support/programs.h"

namespace vitrine::test {
namespace {

using nlohmann::json;

std::map<std::string, json> run_warm(const std::vector<json>& jobs) {
    const Answer answer =
        batch(lines_of(jobs), {"--no-validate", "--require", "cgroup", "--timeout", "200s"});
    EXPECT_EQ(answer.exit_code, 0) << answer.err;
    auto results = results_by_id(answer.out);
    EXPECT_EQ(results.size(), jobs.size()) << answer.err;
    for (const auto& [id, result] : results) {
        EXPECT_TRUE(result["warm"]) << id;
        EXPECT_EQ(result["isolation"]["limits_backend"], "cgroup2") << result;
    }
    return results;
}

json touch(const char* id, int mebibytes) {
    return {{"id", id},
            {"source", concat("block = bytearray(", mebibytes, " << 20)\nprint(len(block))")},
            {"limits", {{"memory", "64m"}}}};
}

class Warm : public testing::Test {
  protected:
    /// Below a delegation this process has to make room first: what holds processes is no parent.
    static void SetUpTestSuite() { ASSERT_TRUE(limits::CgroupTree::discover()); }
};

TEST_F(Warm, MemoryIsTheJobsAlone) {
    auto results = run_warm({touch("over", 65), touch("below", 48), touch("over again", 65)});
    for (const char* id : {"over", "over again"}) {
        EXPECT_EQ(results[id]["status"], "memory") << results[id];
        EXPECT_GE(results[id]["usage"]["oom_kills"], 1);
    }
    EXPECT_EQ(results["below"]["status"], "exited") << results["below"];
    EXPECT_EQ(results["below"]["usage"]["memory_source"], "memory.peak");
    EXPECT_GT(results["below"]["usage"]["memory_peak_bytes"], 48 << 20);
}

TEST_F(Warm, ProcessesAndCpuAreLimited) {
    const char* spins = R"(
import time, vitrine
wall, cpu = time.monotonic(), time.process_time()
while time.monotonic() < wall + 4:
    pass
vitrine.result((time.process_time() - cpu) / (time.monotonic() - wall))
)";
    auto results = run_warm({
        {{"id", "bomb"}, {"source", kStartsForty}, {"limits", {{"pids-limit", 10}}}},
        {{"id", "control"}, {"source", kStartsForty}, {"limits", {{"pids-limit", 60}}}},
        {{"id", "quarter"}, {"source", spins}, {"limits", {{"cpus", 0.25}}}},
    });
    EXPECT_LE(results["bomb"]["value"], 10) << results["bomb"];
    EXPECT_GE(results["bomb"]["usage"]["pids_limit_hits"], 1);
    EXPECT_EQ(results["control"]["value"], 40) << results["control"];
    EXPECT_NEAR(results["quarter"]["value"].get<double>(), 0.25, 0.05);
}

TEST_F(Warm, LeavesNoCgroupBehind) {
    std::vector<json> jobs;
    for (int i = 0; i < 20; ++i)
        jobs.push_back({{"id", concat("job-", i)}, {"source", "print(1)"}});
    (void)run_warm(jobs);
    const auto tree = limits::CgroupTree::discover();
    ASSERT_TRUE(tree);
    for (const auto& entry :
         std::filesystem::directory_iterator(concat("/sys/fs/cgroup", tree->path()))) {
        const std::string name = entry.path().filename();
        EXPECT_FALSE(entry.is_directory() && name.starts_with("job-")) << name;
    }
}

}  // namespace
}  // namespace vitrine::test
