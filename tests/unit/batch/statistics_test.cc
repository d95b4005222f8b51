#include "batch/statistics.h"

#include <gtest/gtest.h>

#include <numeric>

namespace vitrine::batch {
namespace {

std::uint64_t total(const Timeline& timeline) {
    std::uint64_t sum = 0;
    for (const StatusCounts& slice : timeline.ended())
        sum = std::accumulate(slice.begin(), slice.end(), sum);
    return sum;
}

std::uint64_t busy(const Timeline& timeline) {
    std::uint64_t sum = 0;
    for (const auto& row : timeline.busy())
        sum = std::accumulate(row.begin(), row.end(), sum);
    return sum;
}

TEST(Timeline, GivesJobsToWorkersThatAreFree) {
    Timeline timeline(2);
    timeline.add("a", Status::kExited, 0, 100);
    timeline.add("b", Status::kExited, 50, 200);
    timeline.add("c", Status::kTimeout, 110, 300);
    ASSERT_EQ(timeline.bars().size(), 3U);
    EXPECT_EQ(timeline.bars()[0].worker, timeline.bars()[2].worker);
    EXPECT_NE(timeline.bars()[0].worker, timeline.bars()[1].worker);
    EXPECT_EQ(busy(timeline), 100U + 150U + 190U);
}

TEST(Timeline, StaysSmallAndLosesNoJob) {
    Timeline timeline(4);
    const std::uint64_t count = 100'000;
    for (std::uint64_t i = 0; i < count; ++i)
        timeline.add("x", Status::kExited, i * 10'000, i * 10'000 + 9'000);
    EXPECT_LE(timeline.ended().size(), 120U);
    EXPECT_EQ(total(timeline), count);
    EXPECT_EQ(busy(timeline), count * 9'000);
    EXPECT_FALSE(timeline.shows_all());
    EXPECT_TRUE(timeline.bars().empty());
}

TEST(Statistics, CountByStatusAndMeasureWhatRan) {
    Statistics statistics(1);
    runtime::RunReport report;
    report.result.status = Status::kExited;
    report.result.timings.total = 1000;
    report.result.usage.wall_ms = 2.5;
    report.result.usage.cpu_user_ms = 1;
    report.result.usage.memory_peak_bytes = 4096;
    report.result.id = "slow";
    statistics.add(report);
    runtime::RunReport unstarted;
    unstarted.exit_code = 125;
    unstarted.result.error = SetupError{.step = "job-line", .message = "no"};
    statistics.add(unstarted);
    EXPECT_EQ(statistics.count(), 2U);
    EXPECT_EQ(statistics.failed(), 1U);
    EXPECT_EQ(statistics.count(Status::kExited), 1U);
    EXPECT_EQ(statistics.count(Status::kSetupError), 1U);
    EXPECT_EQ(statistics.wall().count(), 1U);
    EXPECT_EQ(statistics.wall().max(), 2500U);
    EXPECT_EQ(statistics.memory().max(), 4096U);
    EXPECT_EQ(statistics.slowest().sorted()[0].id, "slow");
}

}  // namespace
}  // namespace vitrine::batch
