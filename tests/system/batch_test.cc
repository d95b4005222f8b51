// `vitrine batch` as its users call it: inputs, outputs, limits, exit codes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "base/file.h"
#include "support/batch.h"
#include "support/scratch.h"

namespace vitrine::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Batch, RunsLinesFromAFileAndAnswersEach) {
    const Scratch scratch;
    const std::string path = scratch.write("script.py", "print('from a file')\n");
    const Answer answer = batch(
        lines_of({
            {{"id", "plain"}, {"source", "print(1)"}},
            {{"id", "file"}, {"path", path}},
            {{"id", "call"},
             {"source", "def f(x, y): return x * y"},
             {"entry", "f"},
             {"args", {6, 7}}},
            {{"id", "named"},
             {"source", "def f(x): return x"},
             {"entry", "f"},
             {"args", {{"x", 3}}}},
            {{"id", "stdin"},
             {"source", "import sys; print(sys.stdin.read())"},
             {"stdin", "typed"}},
            {{"id", "env"}, {"source", "import os; print(os.environ['A'])"}, {"env", {{"A", "b"}}}},
            {{"id", "words"}, {"source", "import sys; print(sys.argv[1:])"}, {"args", {"u", "v"}}},
            {{"id", "slow"}, {"source", "while True: pass"}, {"limits", {{"timeout", "300ms"}}}},
            {{"id", "raises"}, {"source", "raise KeyError('k')"}},
        }),
        {"--no-validate"});
    EXPECT_EQ(answer.exit_code, 0) << answer.err;
    const auto results = results_by_id(answer.out);
    ASSERT_EQ(results.size(), 9U);
    EXPECT_EQ(results.at("plain")["stdout"]["text"], "1\n");
    EXPECT_EQ(results.at("file")["stdout"]["text"], "from a file\n");
    EXPECT_EQ(results.at("call")["value"], 42);
    EXPECT_EQ(results.at("named")["value"], 3);
    EXPECT_EQ(results.at("stdin")["stdout"]["text"], "typed\n");
    EXPECT_EQ(results.at("env")["stdout"]["text"], "b\n");
    EXPECT_EQ(results.at("words")["stdout"]["text"], "['u', 'v']\n");
    EXPECT_EQ(results.at("slow")["status"], "timeout");
    EXPECT_EQ(results.at("raises")["exit_code"], 1);
    EXPECT_THAT(answer.err, HasSubstr("9 jobs"));
    EXPECT_THAT(answer.err, HasSubstr("8 exited, 1 timeout"));
}

TEST(Batch, EveryBadLineIsAnsweredWithItsNumberAndStopsNothing) {
    const std::string input =
        "{\"id\":\"a\",\"source\":\"print(1)\"}\n"
        "not json\n"
        "{\"id\":\"c\",\"sorce\":\"1\"}\n"
        "{\"id\":\"d\",\"source\":\"1\",\"limits\":{\"memroy\":\"1m\"}}\n"
        "{\"id\":\"e\",\"path\":\"/nonexistent.py\"}\n"
        "{\"id\":\"\xff\",\"source\":\"1\"}\n" +
        std::string("{\"id\":\"g\0\",\"source\":\"1\"}\n", 26) + std::string(100'000, '[') +
        "\n{\"id\":\"i\",\"source\":\"1\",\"limits\":{\"memory\":\"2g\"}}\n";
    const Answer answer = batch(input, {"--ordered"});
    EXPECT_EQ(answer.exit_code, 1);
    const auto results = results_in(answer.out);
    ASSERT_EQ(results.size(), 9U);
    for (const std::size_t line : {2U, 3U, 4U, 5U, 6U, 7U, 8U}) {
        const auto& result = results[line - 1];
        EXPECT_EQ(result["status"], "setup_error") << result;
        EXPECT_EQ(result["error"]["line"], line);
    }
    EXPECT_EQ(results[1]["id"], "line-2");
    EXPECT_EQ(results[2]["error"]["hint"], "did you mean 'source'?");
    EXPECT_EQ(results[4]["error"]["step"], "read-source");
    EXPECT_EQ(results[0]["status"], "exited");
    EXPECT_EQ(results[8]["status"], "exited");
}

TEST(Batch, ALineLargerThanAllIsPassedOver) {
    const Answer answer =
        batch(std::string(100'000'000, 'x') + "\n{\"source\":\"print(2)\"}\n", {});
    EXPECT_EQ(answer.exit_code, 1) << answer.err;
    const auto results = results_by_id(answer.out);
    EXPECT_THAT(results.at("line-1")["error"]["message"].get<std::string>(),
                HasSubstr("longer than 64m"));
    EXPECT_EQ(results.at("line-2")["stdout"]["text"], "2\n");
}

TEST(Batch, RunsADirectoryOfScripts) {
    const Scratch scratch;
    std::filesystem::create_directory(scratch.path() + "/sub");
    scratch.write("b.py", "print('b')");
    scratch.write("a.py", "print('a')");
    scratch.write("sub/c.py", "raise SystemExit(3)");
    scratch.write("readme.txt", "no script");
    const Answer answer = run_vitrine({.arguments = {"batch", "-q", "--ordered", scratch.path()}});
    EXPECT_EQ(answer.exit_code, 0);
    EXPECT_EQ(answer.err, "");
    EXPECT_THAT(ids_in(answer.out), ElementsAre("a.py", "b.py", "sub/c.py"));
    EXPECT_EQ(results_by_id(answer.out).at("sub/c.py")["exit_code"], 3);
}

TEST(Batch, RunsOneScriptWithEachLineOfArguments) {
    const Scratch scratch;
    const std::string script = scratch.write("s.py", "def area(x, y=1): return x * y\n");
    const std::string each = scratch.write("each", "[3, 4]\n{\"x\": 5}\nnonsense\n");
    const Answer answer = run_vitrine(
        {.arguments = {"batch", "-q", "--ordered", "--each", each, "--entry", "area", script}});
    const auto results = results_in(answer.out);
    ASSERT_EQ(results.size(), 3U) << answer.err;
    EXPECT_EQ(results[0]["value"], 12);
    EXPECT_EQ(results[1]["value"], 5);
    EXPECT_EQ(results[2]["error"]["line"], 3);
    EXPECT_EQ(answer.exit_code, 1);
}

TEST(Batch, KeepsTheOrderWhenAskedTo) {
    std::vector<nlohmann::json> jobs;
    std::vector<std::string> ids;
    for (int i = 0; i < 12; ++i) {
        ids.push_back(std::to_string(i));
        const std::string pause = i % 4 == 0 ? "import time; time.sleep(0.3)" : "pass";
        jobs.push_back({{"id", ids.back()}, {"source", pause}});
    }
    const std::string input = lines_of(jobs);
    const Answer ordered = batch(input, {"-q", "--ordered", "--jobs", "4", "--no-validate"});
    EXPECT_EQ(ids_in(ordered.out), ids);
    const Answer free = batch(input, {"-q", "--jobs", "4", "--no-validate"});
    EXPECT_NE(ids_in(free.out), ids);
    EXPECT_THAT(ids_in(free.out), testing::UnorderedElementsAreArray(ids));
}

TEST(Batch, StopsAtTheFirstFailureWhenAskedTo) {
    std::vector<nlohmann::json> jobs{{{"id", "bad"}, {"source", "raise SystemExit(9)"}}};
    for (int i = 0; i < 200; ++i)
        jobs.push_back({{"source", "pass"}});
    const Answer answer = batch(lines_of(jobs), {"--fail-fast", "--jobs", "1"});
    EXPECT_EQ(answer.exit_code, 9);
    EXPECT_LT(results_in(answer.out).size(), 50U);
    EXPECT_EQ(results_in(answer.out)[0]["exit_code"], 9);
    EXPECT_THAT(answer.err, HasSubstr("stopped at the first failure"));
}

TEST(Batch, ItsTimeoutIsTenSecondsAndAFlagChangesIt) {
    const Answer answer =
        batch("{\"source\":\"while True: pass\"}\n", {"-q", "--timeout", "200ms"});
    EXPECT_EQ(results_in(answer.out)[0]["limit"]["value"], 200'000'000);
    EXPECT_THAT(run_vitrine({.arguments = {"batch", "--help"}}).out, HasSubstr("[10s]"));
}

TEST(Batch, WrongUsageIsSaid) {
    const Scratch scratch;
    const std::string jobs = scratch.write("jobs", "");
    const std::vector<std::pair<std::vector<std::string>, std::string>> bad{
        {{}, "no jobs were given"},
        {{"/nonexistent"}, "/nonexistent"},
        {{jobs, jobs}, "one input is enough"},
        {{"--oredred", jobs}, "did you mean '--ordered'?"},
        {{"--jobs", "0", jobs}, "--jobs"},
        {{"--stdin", "-", jobs}, "--stdin"},
        {{"-o", jobs, jobs}, "input and output at once"},
        {{"-o", "", jobs}, "-o"},
        {{"--cold", "--preload", "numpy", jobs}, "--cold"},
        {{"--preload", "num py", jobs}, "no name of a module"},
        {{"--preload-script", "/nonexistent", jobs}, "--preload-script"},
        {{"--resume", "/nonexistent", jobs}, "--resume"},
        {{"--each", jobs, "/nonexistent.py"}, "/nonexistent.py"},
        {{"--report", "/nonexistent/r.html", jobs}, "--report"},
        {{"--memory", "much", jobs}, "--memory"},
    };
    for (const auto& [words, says] : bad) {
        std::vector<std::string> call{"batch"};
        call.insert(call.end(), words.begin(), words.end());
        const Answer answer = run_vitrine({.arguments = call});
        EXPECT_EQ(answer.exit_code, 125) << says;
        EXPECT_THAT(answer.err, HasSubstr(says));
        EXPECT_EQ(answer.out, "");
    }
}

TEST(Batch, OfNothingIsNoFailure) {
    const Answer answer = batch("\n\n", {});
    EXPECT_EQ(answer.exit_code, 0);
    EXPECT_EQ(answer.out, "");
    EXPECT_THAT(answer.err, HasSubstr("0 jobs"));
}

TEST(Batch, ArtifactsOfEachJobHaveTheirOwnDirectory) {
    const Scratch scratch;
    const std::string out = scratch.path() + "/artifacts";
    const std::string source = "open('/tmp/out/f', 'w').write('x')";
    const Answer answer = batch(lines_of({{{"id", "a"}, {"source", source}},
                                          {{"id", "b/c"}, {"source", source}},
                                          {{"id", "../d"}, {"source", source}}}),
                                {"--no-validate", "--artifacts", out});
    EXPECT_EQ(answer.exit_code, 1);
    EXPECT_TRUE(std::filesystem::exists(out + "/a/f")) << answer.out;
    EXPECT_TRUE(std::filesystem::exists(out + "/b/c/f"));
    EXPECT_FALSE(std::filesystem::exists(scratch.path() + "/d"));
    EXPECT_EQ(results_by_id(answer.out).at("../d")["status"], "setup_error");
}

TEST(Repeat, GivesAsManyResults) {
    const Answer answer =
        run_vitrine({.arguments = {"run", "-q", "--repeat", "5", "--result", "-", "-c",
                                   "import vitrine; print(1); vitrine.result(7)"}});
    EXPECT_EQ(answer.exit_code, 0) << answer.err;
    const auto results = results_in(answer.out);
    ASSERT_EQ(results.size(), 5U);
    std::set<std::string> ids;
    for (const auto& result : results) {
        EXPECT_EQ(result["value"], 7);
        EXPECT_EQ(result["stdout"]["text"], "1\n");
        ids.insert(result["id"]);
    }
    EXPECT_EQ(ids.size(), 5U);
}

TEST(Repeat, PassesOutputOnAndTheFirstFailuresCode) {
    const Scratch scratch;
    const std::string path = scratch.path() + "/results";
    const Answer answer = run_vitrine({.arguments = {"run", "--repeat", "3", "--result", path, "-c",
                                                     "print('x'); raise SystemExit(4)"}});
    EXPECT_EQ(answer.exit_code, 4);
    EXPECT_EQ(answer.out, "x\nx\nx\n");
    EXPECT_EQ(results_in(read_file(path, std::size_t{1} << 20)).size(), 3U);
    EXPECT_THAT(answer.err, HasSubstr("3 jobs"));
}

TEST(Repeat, RefusesWhatRunsCannotShare) {
    for (const std::vector<std::string>& words : {std::vector<std::string>{"--repeat", "0"},
                                                  {"--repeat", "2", "--stdin", "-"},
                                                  {"--repeat", "2", "--json-status-fd", "2"}}) {
        EXPECT_EQ(run_code("pass", words).exit_code, 125);
    }
}

}  // namespace
}  // namespace vitrine::test
