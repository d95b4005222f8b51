// Batches that are cut short, that go on, that are long, and whose readers leave.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "base/file.h"
#include "support/batch.h"
#include "support/scratch.h"

namespace vitrine::test {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::size_t kEnough = std::size_t{64} << 20;
/// A sanitizer or a slow day may cost this much more between a short and a long batch.
constexpr long kSlackKib = 8 * 1024;

std::string numbered_jobs(int count, const std::string& source) {
    std::vector<nlohmann::json> jobs;
    for (int i = 0; i < count; ++i)
        jobs.push_back({{"id", std::to_string(i)}, {"source", source}});
    return lines_of(jobs);
}

/// Every id from 0 on, each once.
void expect_each_once(const std::string& results, int count) {
    std::vector<std::string> ids = ids_in(results);
    std::vector<std::string> expected;
    for (int i = 0; i < count; ++i)
        expected.push_back(std::to_string(i));
    std::ranges::sort(ids);
    std::ranges::sort(expected);
    EXPECT_EQ(ids, expected);
}

/// A batch of sleepers on its way, with files of its own.
struct Underway {
    explicit Underway(int count, std::vector<std::string> flags = {})
        : jobs(scratch.write("jobs", numbered_jobs(count, "import time; time.sleep(0.2)"))),
          results(scratch.path() + "/results"),
          messages(scratch.path() + "/messages"),
          words{"batch", "--no-validate", "--jobs", "4", "-o", results, jobs} {
        words.insert(words.begin() + 1, flags.begin(), flags.end());
        pid = start_vitrine(words, messages);
    }

    std::string said() const { return read_file(messages, kEnough); }

    Scratch scratch;
    std::string jobs;
    std::string results;
    std::string messages;
    std::vector<std::string> words;
    pid_t pid = -1;
};

TEST(Interrupted, ABatchEndsCleanlyAndGoesOnWhereItWas) {
    const int count = 40;
    Underway batch(count);
    ASSERT_TRUE(await_lines(batch.results, 6));
    ::kill(batch.pid, SIGINT);
    EXPECT_EQ(await(batch.pid).exit_code, 128 + SIGINT);
    const auto before = results_in(read_file(batch.results, kEnough));
    EXPECT_GE(before.size(), 6U);
    EXPECT_LT(before.size(), static_cast<std::size_t>(count));
    for (const auto& result : before)
        EXPECT_EQ(result["status"], "exited") << result;
    EXPECT_THAT(batch.said(), HasSubstr("--resume " + batch.results));

    batch.words.insert(batch.words.begin() + 1, {"--resume", batch.results});
    EXPECT_EQ(await(start_vitrine(batch.words, batch.messages)).exit_code, 0);
    expect_each_once(read_file(batch.results, kEnough), count);
    EXPECT_THAT(batch.said(), HasSubstr("had a result already"));
    EXPECT_THAT(batch.said(), HasSubstr(std::to_string(40 - before.size()) + " jobs in"));
}

TEST(Interrupted, InOrderEveryResultThatWasThereIsWritten) {
    Underway batch(40, {"--ordered"});
    ASSERT_TRUE(await_lines(batch.results, 6));
    ::kill(batch.pid, SIGTERM);
    EXPECT_EQ(await(batch.pid).exit_code, 128 + SIGTERM);
    EXPECT_GE(results_in(read_file(batch.results, kEnough)).size(), 6U);
}

TEST(Interrupted, KilledOutrightItGoesOnAllTheSame) {
    const int count = 24;
    Underway batch(count);
    ASSERT_TRUE(await_lines(batch.results, 5));
    ::kill(batch.pid, SIGKILL);
    EXPECT_EQ(await(batch.pid).exit_code, 128 + SIGKILL);
    // As if it had been in the middle of a line.
    std::ofstream(batch.results, std::ios::app) << R"({"schema":"vitrine.result.v1","id":"23","st)";
    batch.words.insert(batch.words.begin() + 1, {"--resume", batch.results});
    EXPECT_EQ(await(start_vitrine(batch.words, batch.messages)).exit_code, 0);
    expect_each_once(read_file(batch.results, kEnough), count);
}

TEST(Resume, AFirstRunMayNameTheFileItMakes) {
    const Scratch scratch;
    const std::string path = scratch.path() + "/results";
    const std::string input = numbered_jobs(3, "pass");
    for (int i = 0; i < 2; ++i) {
        const Answer answer = batch(input, {"--resume", path, "-o", path});
        EXPECT_EQ(answer.exit_code, 0) << answer.err;
        expect_each_once(read_file(path, kEnough), 3);
    }
}

TEST(Resume, AnIdThatIsThereTwiceIsRunTwice) {
    const Scratch scratch;
    const std::string path = scratch.path() + "/results";
    const std::string line = "{\"id\":\"x\",\"source\":\"pass\"}\n";
    EXPECT_EQ(batch(line, {"-q", "-o", path}).exit_code, 0);
    EXPECT_EQ(batch(line + line, {"-q", "-o", path, "--resume", path}).exit_code, 0);
    EXPECT_EQ(results_in(read_file(path, kEnough)).size(), 2U);
}

TEST(Resume, LinesThatAreNoResultsArePassedOverAndSaid) {
    const Scratch scratch;
    const std::string path = scratch.write("results", "{\"half\n{\"id\":\"0\"}\n");
    const Answer answer = batch(numbered_jobs(2, "pass"), {"--resume", path});
    EXPECT_THAT(ids_in(answer.out), testing::ElementsAre("1"));
    EXPECT_THAT(answer.err, HasSubstr("1 line of"));
}

TEST(Output, AReaderThatLeavesEndsTheBatchWithAnError) {
    const Scratch scratch;
    const std::string jobs = scratch.write("jobs", numbered_jobs(2000, "pass"));
    const std::string errors = scratch.path() + "/errors";
    const std::string command = concat("(timeout 60 ", vitrine_path(), " batch ", jobs, " 2>",
                                       errors, "; echo $? >>", errors, ") | head -n 1 >/dev/null");
    EXPECT_EQ(std::system(command.c_str()), 0);  // NOLINT(cert-env33-c): a fixed command.
    EXPECT_THAT(read_file(errors, kEnough), HasSubstr("writing the results to stdout"));
    EXPECT_THAT(read_file(errors, kEnough), testing::EndsWith("\n125\n"));
}

TEST(Output, AFullDiskIsSaidAndWhatIsThereIsOfUse) {
    const Scratch scratch;
    const std::string path = scratch.path() + "/results";
    // 64 KiB and not a byte more: a limit on files stands in for a full disk.
    std::string lines;
    for (int i = 0; i < 1000; ++i)
        lines += "nonsense\n";
    const std::string input = scratch.write("lines", lines);
    const Answer answer =
        run_program("/bin/sh", {.arguments = {"-c", "trap '' XFSZ; ulimit -f 128; exec \"$@\"",
                                              "sh", vitrine_path(), "batch", "-o", path, input}});
    EXPECT_EQ(answer.exit_code, 125);
    EXPECT_THAT(answer.err, HasSubstr(concat("writing the results to '", path, "'")));
    EXPECT_THAT(answer.err, HasSubstr("EFBIG"));
    const Answer resumed =
        run_vitrine({.arguments = {"batch", "-q", "-o", path, "--resume", path, input}});
    EXPECT_EQ(resumed.exit_code, 1);
    EXPECT_EQ(results_in(read_file(path, kEnough)).size(), 1000U);
}

TEST(LongInput, TakesNoMoreMemoryThanAShortOne) {
    const Scratch scratch;
    std::string lines;
    std::string done;
    for (int i = 0; i < 100'000; ++i) {
        const std::string id = std::to_string(i);
        lines += i % 50 == 0 ? concat("nonsense ", id, "\n")
                             : concat(R"({"id":")", id, R"(","source":"pass"})", "\n");
        if (i % 50 != 0) done += concat(R"({"id":")", id, "\"}\n");
    }
    const auto peak_of = [&](const std::string& input) {
        const std::string results = scratch.path() + "/new";
        const Ended ended = await(start_vitrine(
            {"batch", "-q", "-o", results, "--resume", scratch.path() + "/done", input},
            scratch.path() + "/messages"));
        EXPECT_EQ(ended.exit_code, 1);
        return std::pair(ended.peak_kib, results_in(read_file(results, kEnough)).size());
    };
    scratch.write("done", done);
    const auto [of_few, few] = peak_of(scratch.write("few", lines.substr(0, 40'000)));
    const auto [of_all, all] = peak_of(scratch.write("all", lines));
    EXPECT_GT(few, 10U);
    EXPECT_EQ(all, 2000U);
    EXPECT_LT(of_all, of_few + kSlackKib);
}

TEST(Progress, IsALiveLineOnATerminalAlone) {
    const Scratch scratch;
    const std::string jobs =
        scratch.write("jobs", numbered_jobs(8, "import time; time.sleep(0.2)"));
    const std::string typescript = scratch.path() + "/typescript";
    const std::string command =
        concat("timeout 60 script -qec '", vitrine_path(), " batch --no-validate --jobs 2 ", jobs,
               " -o ", scratch.path(), "/results' ", typescript, " >/dev/null </dev/null");
    EXPECT_EQ(std::system(command.c_str()), 0);  // NOLINT(cert-env33-c): a fixed command.
    const std::string seen = read_file(typescript, kEnough);
    EXPECT_THAT(seen, HasSubstr(" done, 0 failed, 2 running, "));
    EXPECT_THAT(seen, HasSubstr("\r\x1b[K"));
    EXPECT_THAT(seen, HasSubstr("8 jobs in"));
    const Answer piped = batch(numbered_jobs(2, "pass"), {});
    EXPECT_THAT(piped.err, Not(HasSubstr("\x1b")));
    EXPECT_EQ(batch(numbered_jobs(2, "pass"), {"-q"}).err, "");
}

TEST(BatchOfHumanEval, EndsAsItIsMeantTo) {
    const char* shared = ::getenv("VITRINE_SHARED");  // NOLINT(concurrency-mt-unsafe)
    const std::string corpus = concat(shared != nullptr ? shared : VITRINE_SOURCE_ROOT "/../shared",
                                      "/corpora/humaneval.jsonl");
    if (!std::filesystem::exists(corpus)) GTEST_SKIP() << "not run: no " << corpus;
    std::ifstream tasks(corpus);
    std::vector<nlohmann::json> jobs;
    for (std::string line; std::getline(tasks, line);) {
        const auto task = nlohmann::json::parse(line);
        const std::string source =
            concat(task["prompt"].get<std::string>(), task["canonical_solution"].get<std::string>(),
                   "\n", task["test"].get<std::string>(), "\ncheck(",
                   task["entry_point"].get<std::string>(), ")\n");
        jobs.push_back({{"id", task["task_id"]}, {"source", source}});
    }
    const Answer answer = batch(lines_of(jobs), {"--timeout", "60s"});
    EXPECT_EQ(answer.exit_code, 0) << answer.err;
    const auto results = results_by_id(answer.out);
    ASSERT_EQ(results.size(), 164U);
    for (const auto& [id, result] : results) {
        // One of them evaluates its input, which the policy refuses.
        const bool is_refused = id == "HumanEval/160";
        EXPECT_EQ(result["status"], is_refused ? "rejected" : "exited") << result;
        EXPECT_EQ(result["exit_code"], is_refused ? nlohmann::json() : nlohmann::json(0)) << result;
    }
}

}  // namespace
}  // namespace vitrine::test
