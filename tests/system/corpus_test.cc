// Programs of others: the same inside as outside.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "support/scratch.h"
#include "support/vitrine_program.h"

namespace vitrine::test {
namespace {

std::string corpus_path() {
    const char* shared = ::getenv("VITRINE_SHARED");  // NOLINT(concurrency-mt-unsafe)
    return concat(shared != nullptr ? shared : VITRINE_SOURCE_ROOT "/../shared",
                  "/corpora/humaneval.jsonl");
}

/// The exit code of the host's own Python.
int outcome_outside(const std::string& path) {
    const std::string command = concat(VITRINE_PYTHON, " -I -S ", path, " >/dev/null 2>&1");
    return WEXITSTATUS(std::system(command.c_str()));  // NOLINT(cert-env33-c): a fixed command.
}

TEST(HumanEval, EndsInsideAsItEndsOutside) {
    if (!std::filesystem::exists(corpus_path())) GTEST_SKIP() << "not run: no " << corpus_path();
    const Scratch scratch;
    std::ifstream corpus(corpus_path());
    int programs = 0;
    int accepted = 0;
    for (std::string line; std::getline(corpus, line);) {
        const auto task = nlohmann::json::parse(line);
        const std::string id = task["task_id"];
        const std::string source =
            concat(task["prompt"].get<std::string>(), task["canonical_solution"].get<std::string>(),
                   "\n", task["test"].get<std::string>(), "\ncheck(",
                   task["entry_point"].get<std::string>(), ")\n");
        const std::string path = scratch.write("program.py", source);
        ++programs;
        std::vector<std::string> words{"run", "-q", "--result", "-", path};
        if (id == "HumanEval/160") {
            const auto refused = run_vitrine({.arguments = words}).result();
            EXPECT_EQ(refused["status"], "rejected");
            for (const auto& finding : refused["findings"]) {
                EXPECT_EQ(finding["rule"], "builtin-not-allowed");
                EXPECT_NE(finding["message"].get<std::string>().find("'eval'"), std::string::npos);
            }
            words.insert(words.begin() + 1, "--no-validate");
        } else {
            ++accepted;
        }
        const auto result = run_vitrine({.arguments = words}).result();
        EXPECT_EQ(result["status"], "exited") << id << result["findings"];
        EXPECT_EQ(result["exit_code"], outcome_outside(path)) << id << result["stderr"];
    }
    EXPECT_EQ(programs, 164);
    EXPECT_EQ(accepted, 163);
}

TEST(Numbers, NumpyAndPandasWork) {
    const Scratch scratch;
    const std::string root = scratch.path() + "/scientific";
    const Answer built =
        run_vitrine({.arguments = {"rootfs", "build", "-o", root, "--with", "numpy,pandas"},
                     .patience = std::chrono::seconds(300)});
    ASSERT_EQ(built.exit_code, 0) << built.err;
    const auto result = result_of(R"(
import numpy as np
import pandas as pd
import vitrine
frame = pd.DataFrame({"close": np.arange(6.0)})
vitrine.result({"mean": frame["close"].rolling(2).mean().iloc[-1], "dot": np.dot([1, 2], [3, 4]),
                "array": np.eye(2), "norm": np.linalg.norm([3, 4])})
)",
                                  {"--rootfs", root, "--timeout", "120s"});
    ASSERT_EQ(result["status"], "exited") << result;
    EXPECT_EQ(result["value"], nlohmann::json::parse(
                                   R"({"mean": 4.5, "dot": 11, "array": [[1.0, 0.0], [0.0, 1.0]],
                                       "norm": 5.0})"))
        << result["stderr"] << result["findings"];
}

}  // namespace
}  // namespace vitrine::test
