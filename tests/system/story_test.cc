// --verbose and --timings: what a run tells of itself on stderr.
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "support/vitrine_program.h"

namespace vitrine::test {
namespace {

/// The milliseconds of the lines that tell a moment: `vitrine:      1.234 ms  what`.
std::vector<double> moments(const std::string& text) {
    std::vector<double> found;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string speaker;
        std::string unit;
        double value = 0;
        if (words >> speaker >> value >> unit && unit == "ms") found.push_back(value);
    }
    return found;
}

TEST(Verbose, TellsTheLaunchStepByStepWithTimes) {
    const Answer answer = run_code("print(6 * 7)", {"--verbose"});
    EXPECT_EQ(answer.out, "42\n");
    for (const char* said :
         {"the run starts", "the zygote is born", "init is seen", "payload: born",
          "payload: in the sandbox, every privilege given up", "the seccomp filter is installed",
          "the program starts", "nothing of the sandbox is left", "the result is ready"}) {
        EXPECT_NE(answer.err.find(said), std::string::npos) << said << "\n" << answer.err;
    }
    const auto times = moments(answer.err);
    EXPECT_GE(times.size(), 14U) << answer.err;
    EXPECT_TRUE(std::ranges::is_sorted(times)) << answer.err;
    EXPECT_EQ(answer.err.find("sha256"), std::string::npos);
}

TEST(Verbose, TellsMoreWhenAskedTwice) {
    const Answer answer = run_code("pass", {"--verbose", "--verbose"});
    for (const char* said : {"the run starts", "namespaces user, pid", "seccomp docker-default",
                             "Landlock ABI", "limits by", "CPU in user mode"}) {
        EXPECT_NE(answer.err.find(said), std::string::npos) << said << "\n" << answer.err;
    }
}

TEST(Verbose, TellsHowFarALaunchThatFailsCame) {
    const Answer answer = run_code("pass", {"--verbose", "--workdir", "/nowhere"});
    EXPECT_EQ(answer.exit_code, 125);
    EXPECT_NE(answer.err.find("the zygote is born"), std::string::npos) << answer.err;
    EXPECT_NE(answer.err.find("the launch has failed at the step workdir"), std::string::npos);
    EXPECT_EQ(answer.err.find("the program starts"), std::string::npos);
}

TEST(Verbose, SpeaksJsonWhereTheLogDoes) {
    const Answer answer = run_code("pass", {"--verbose", "--timings", "--log-format", "json"});
    std::istringstream lines(answer.err);
    std::size_t count = 0;
    for (std::string line; std::getline(lines, line); ++count)
        EXPECT_TRUE(nlohmann::json::parse(line).contains("message")) << line;
    EXPECT_GE(count, 20U) << answer.err;
}

TEST(Timings, SayWhereTheTimeWent) {
    const Answer answer = run_code("pass", {"--timings"});
    for (const char* name :
         {"prepare", "fork", "enter", "seccomp", "validate", "run", "teardown", "total"}) {
        EXPECT_NE(answer.err.find(std::string("vitrine: ") + name), std::string::npos)
            << name << "\n"
            << answer.err;
    }
    EXPECT_EQ(answer.err.find("not done"), std::string::npos) << answer.err;
    EXPECT_EQ(answer.err.find("the run starts"), std::string::npos);
    EXPECT_EQ(run_code("pass").err.find("prepare"), std::string::npos);  // Control.
    const Answer refused = run_code("import os", {"--timings"});
    EXPECT_NE(refused.err.find("run          not done"), std::string::npos) << refused.err;
}

}  // namespace
}  // namespace vitrine::test
