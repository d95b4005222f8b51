// A user without a cgroup of its own, where cgroup v2 has everything: run in the machine that
// tools/test-vm --no-delegation boots.
#include <gtest/gtest.h>

#include "support/programs.h"
#include "support/vitrine_program.h"

namespace vitrine::test {
namespace {

TEST(Undelegated, RunsWithRlimitsAndSaysHowToGetBetter) {
    const Answer answer = run_code("print('ran')", {"--result", "-"});
    const auto result = answer.result();
    EXPECT_EQ(result["status"], "exited") << result;
    EXPECT_EQ(result["isolation"]["limits_backend"], "rlimit");
    EXPECT_NE(result["isolation"]["degraded"].dump().find("\"cgroup\""), std::string::npos);
    EXPECT_NE(answer.err.find("is not delegated to this user"), std::string::npos) << answer.err;
    EXPECT_NE(answer.err.find("Delegate=yes"), std::string::npos) << answer.err;
}

TEST(Undelegated, IsRefusedWhereACgroupIsRequired) {
    const auto result = result_of("pass", {"--require", "cgroup"});
    EXPECT_EQ(result["status"], "setup_error");
    EXPECT_EQ(result["error"]["step"], "cgroup");
}

TEST(Undelegated, TheSupervisorHoldsTheMemoryOfTheWholeJob) {
    const std::string code = holds_memory(4, 30);
    const auto attack = result_unvalidated(code, {"--memory", "96m", "--timeout", "200s"});
    EXPECT_EQ(attack["status"], "memory") << attack;
    EXPECT_EQ(attack["usage"]["memory_source"], "sampled");
    const auto control = result_unvalidated(code, {"--memory", "1g", "--timeout", "200s"});
    EXPECT_EQ(control["status"], "exited") << control;
}

TEST(Undelegated, AForkBombStaysSmall) {
    const std::string code = kStartsForty;
    EXPECT_EQ(result_unvalidated(code, {"--pids-limit", "10", "--timeout", "100s"})["value"], 9);
    EXPECT_EQ(result_unvalidated(code, {"--pids-limit", "60", "--timeout", "100s"})["value"], 40);
}

}  // namespace
}  // namespace vitrine::test
