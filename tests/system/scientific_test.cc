// The recipe `scientific`: Debian's numpy, pandas and scipy, inside as outside.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "support/batch.h"
#include "support/scratch.h"
#include "support/vitrine_program.h"

namespace vitrine::test {
namespace {

const std::string kScript = VITRINE_SOURCE_ROOT "/tests/data/scientific.py";

/// What the host's own Python prints for the script.
std::string output_outside(const Scratch& scratch) {
    const std::string output = scratch.path() + "/outside";
    const std::string command =
        concat(VITRINE_PYTHON, " ", kScript, " > ", output, " 2>", scratch.path(), "/errors");
    // NOLINTNEXTLINE(concurrency-mt-unsafe): tests are one thread.
    EXPECT_EQ(std::system(command.c_str()), 0) << read_file(scratch.path() + "/errors", 100000);
    return read_file(output, 100000);
}

/// Built once for all tests here.
class Scientific : public testing::Test {
  protected:
    static void SetUpTestSuite() {
        scratch() = std::make_unique<Scratch>();
        const Answer built = run_vitrine(
            {.arguments = {"rootfs", "build", "-q", "-o", root(), "--recipe", "scientific"},
             .input = {},
             .environment = {},
             .patience = std::chrono::seconds(180)});
        ASSERT_EQ(built.exit_code, 0) << built.err;
    }
    static void TearDownTestSuite() { scratch().reset(); }
    static std::string root() { return scratch()->path() + "/root"; }

    static void expect_same_inside_and_outside() {
        const Scratch own;
        const Answer inside =
            run_vitrine({.arguments = {"run", "-q", "--no-validate", "--memory", "1g",
                                       "--pids-limit", "64", "--rootfs", root(), kScript},
                         .input = {},
                         .environment = {},
                         .patience = std::chrono::seconds(120)});
        EXPECT_EQ(inside.exit_code, 0) << inside.err;
        const std::string outside = output_outside(own);
        EXPECT_GT(outside.size(), 400U);
        EXPECT_EQ(inside.out, outside);
    }

  private:
    static std::unique_ptr<Scratch>& scratch() {
        static std::unique_ptr<Scratch> directory;
        return directory;
    }
};

TEST_F(Scientific, SaysInsideWhatItSaysOutside) {
    expect_same_inside_and_outside();
}

TEST_F(Scientific, IsThereAtOnceWhereItWasPreloaded) {
    // Validated, by a policy that knows no sys: what was imported before is seen by the time it
    // takes.
    const nlohmann::json job{{"source", R"(
import time
before = time.perf_counter()
import numpy as np
import pandas as pd
def f():
    took = time.perf_counter() - before
    frame = pd.DataFrame({"x": np.arange(4.0)})
    return [took, float(frame["x"].rolling(2).mean().sum()), float(np.random.rand())]
)"},
                             {"entry", "f"}};
    const auto run = [&](std::vector<std::string> flags) {
        flags.insert(flags.end(), {"--rootfs", root(), "--memory", "1g"});
        const Answer answer = batch(lines_of({job, job, job}), flags);
        EXPECT_EQ(answer.exit_code, 0) << answer.err;
        std::vector<nlohmann::json> values;
        for (const auto& result : results_in(answer.out)) {
            EXPECT_EQ(result["status"], "exited") << result;
            values.push_back(result["value"]);
        }
        return values;
    };
    std::set<double> draws;
    double slowest = 0;
    for (const auto& value : run({"--preload", "numpy,pandas"})) {
        slowest = std::max(slowest, value[0].get<double>());
        EXPECT_EQ(value[1], 4.5);
        draws.insert(value[2].get<double>());
    }
    EXPECT_EQ(draws.size(), 3U) << "numpy's own generator is renewed in every fork";
    for (const auto& value : run({"--preload", "json"})) {
        EXPECT_GT(value[0].get<double>(), 10 * slowest) << "the control: nothing was preloaded";
    }
}

/// Cold runs from a snapshot in which the modules are.
class ScientificSnapshot : public Scientific {
  protected:
    static void SetUpTestSuite() {
        Scientific::SetUpTestSuite();
        const Answer kept =
            run_vitrine({.arguments = {"rootfs", "snapshot", root(), "--preload", "numpy,pandas"}});
        ASSERT_EQ(kept.exit_code, 0) << kept.err;
    }

    static nlohmann::json run(const std::string& code, std::vector<std::string> flags) {
        flags.insert(flags.end(), {"--rootfs", root(), "--memory", "1g"});
        return result_of(code, flags);
    }
};

TEST_F(ScientificSnapshot, HasWhatWasPreloaded) {
    const std::string code = R"(
import time
before = time.perf_counter()
import numpy as np
import pandas as pd
def f():
    took = time.perf_counter() - before
    frame = pd.DataFrame({"x": np.arange(4.0)})
    return [took, float(frame["x"].rolling(2).mean().sum()), float(np.random.rand())]
)";
    double slowest = 0;
    std::set<double> draws;
    for (int i = 0; i < 3; ++i) {
        const auto result = run(code, {"--entry", "f"});
        ASSERT_EQ(result["status"], "exited") << result;
        EXPECT_EQ(result["value"][1], 4.5);
        slowest = std::max(slowest, result["value"][0].get<double>());
        draws.insert(result["value"][2].get<double>());
    }
    EXPECT_EQ(draws.size(), 3U) << "numpy's own generator is renewed in every run";
    const auto fresh = run(code, {"--entry", "f", "--no-snapshot"});
    EXPECT_GT(fresh["value"][0].get<double>(), 5 * slowest) << "the control: nothing was preloaded";
}

TEST_F(ScientificSnapshot, SaysInsideWhatItSaysOutside) {
    expect_same_inside_and_outside();
}

/// Libraries that were there before the policy are disarmed as those that come after.
TEST_F(ScientificSnapshot, IsUnderTheProgramsPolicy) {
    const std::string code = R"(
import pandas as pd
class D(pd.Series):
    def __fspath__(self):
        return "/etc/passwd"
name = list({"fromfile": 1})[0]
print(D([1]).agg(name, 0, "u1").tobytes().decode())
)";
    const auto guarded = run(code, {});
    EXPECT_EQ(guarded["status"], "exited") << guarded;
    EXPECT_EQ(guarded["exit_code"], 1) << guarded;
    EXPECT_EQ(guarded["stdout"]["text"], "") << guarded;
    const auto control = run(code, {"--no-validate"});
    EXPECT_NE(control["stdout"]["text"].get<std::string>().find("nobody"), std::string::npos)
        << control;
    EXPECT_EQ(run("import pandas.io.common", {})["status"], "rejected");
}

TEST_F(ScientificSnapshot, SaysWhatCannotBePreloaded) {
    const Answer answer =
        run_vitrine({.arguments = {"rootfs", "snapshot", root(), "--preload", "numpy,nowhere"}});
    EXPECT_EQ(answer.exit_code, 125);
    EXPECT_NE(answer.err.find("preloading 'nowhere'"), std::string::npos) << answer.err;
    const Answer after = run_code("import pandas", {"--verbose", "--rootfs", root()});
    EXPECT_NE(after.err.find("going on from the rootfs's snapshot"), std::string::npos)
        << after.err;
}

}  // namespace
}  // namespace vitrine::test
