#include "limits/rlimits.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>

#include "base/error.h"

namespace vitrine::limits {
namespace {

const Ulimit* find(const std::vector<Ulimit>& all, int resource) {
    const auto found = std::ranges::find(all, resource, &Ulimit::resource);
    return found == all.end() ? nullptr : &*found;
}

TEST(Ulimit, IsReadAsDockerReadsIt) {
    const Ulimit both = parse_ulimit("nofile=64:128");
    EXPECT_EQ(both.resource, RLIMIT_NOFILE);
    EXPECT_EQ(both.soft, 64U);
    EXPECT_EQ(both.hard, 128U);
    EXPECT_EQ(parse_ulimit("fsize=4096").hard, 4096U);
    EXPECT_EQ(parse_ulimit("core=0").soft, 0U);
}

TEST(Ulimit, RefusesWhatCannotBe) {
    for (const char* text : {"nofile", "files=1", "nofile=", "nofile=a", "nofile=2:1",
                             "nofile=1:", "nofile=-2", "nofile=99999999999"}) {
        EXPECT_THROW((void)parse_ulimit(text), UsageError) << text;
    }
    try {
        (void)parse_ulimit("files=1");
    } catch (const UsageError& error) {
        EXPECT_NE(error.hint().find("nofile"), std::string::npos);
    }
}

TEST(Rlimits, HoldMemoryAndProcessesOnlyWithoutACgroup) {
    const Limits limits;
    const auto alone = rlimits_for(limits, Backend::kRlimit);
    const auto second = rlimits_for(limits, Backend::kCgroup);
    ASSERT_NE(find(alone, RLIMIT_DATA), nullptr);
    EXPECT_GE(find(alone, RLIMIT_DATA)->hard, limits.memory_bytes);
    ASSERT_NE(find(alone, RLIMIT_NPROC), nullptr);
    EXPECT_EQ(find(second, RLIMIT_DATA), nullptr);
    EXPECT_EQ(find(second, RLIMIT_NPROC), nullptr);
    EXPECT_EQ(find(second, RLIMIT_NOFILE)->hard, 256U);
    EXPECT_EQ(find(second, RLIMIT_AS), nullptr);  // It breaks numpy.
}

TEST(Rlimits, CpuTimeIsTheKernelsSecondWatch) {
    Limits limits;
    EXPECT_EQ(find(rlimits_for(limits, Backend::kRlimit), RLIMIT_CPU), nullptr);
    limits.cpu_time = std::chrono::milliseconds(1500);
    const auto all = rlimits_for(limits, Backend::kRlimit);
    EXPECT_EQ(find(all, RLIMIT_CPU)->soft, 2U);
    EXPECT_EQ(find(all, RLIMIT_CPU)->hard, 3U);
}

TEST(Rlimits, TheJobsOwnWinButForCoreFiles) {
    Limits limits;
    limits.ulimits = {{RLIMIT_NOFILE, 10, 20}, {RLIMIT_CORE, 1000, 1000}};
    const auto all = rlimits_for(limits, Backend::kRlimit);
    EXPECT_EQ(find(all, RLIMIT_NOFILE)->soft, 10U);
    EXPECT_EQ(find(all, RLIMIT_CORE)->soft, 1U);
}

}  // namespace
}  // namespace vitrine::limits
