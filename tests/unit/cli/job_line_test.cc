#include "cli/job_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "cli/json_line.h"
#include "support/scratch.h"

namespace vitrine::cli {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

bool nothing_is_done(const std::string& /*id*/) {
    return false;
}

batch::Entry read(const std::string& line, const JobDefaults& defaults = {}) {
    return *read_job_line(defaults, line, 7, nothing_is_done);
}

/// The error that a line is answered with.
SetupError error_of(const std::string& line, const JobDefaults& defaults = {}) {
    const batch::Entry entry = read(line, defaults);
    if (!entry.answer || !entry.answer->result.error) return {.message = "(accepted)"};
    EXPECT_EQ(entry.line, 7U);
    return *entry.answer->result.error;
}

TEST(JobLine, HoldsEverythingAJobHas) {
    const batch::Entry entry = read(
        R"({"id": "a/1", "source": "x = 1", "entry": "f", "args": {"n": 2}, "stdin": "in",
            "limits": {"memory": "256m", "timeout": 2.5, "pids-limit": 9, "ulimit": ["nofile=64"]},
            "env": {"SEED": "7"}})");
    ASSERT_FALSE(entry.answer) << entry.answer->result.error->message;
    EXPECT_EQ(entry.job.id, "a/1");
    EXPECT_EQ(entry.job.source.bytes, "x = 1");
    EXPECT_EQ(entry.job.entry->function, "f");
    EXPECT_EQ(entry.job.entry->arguments_json, R"( {"n": 2})");
    EXPECT_EQ(entry.job.stdin_text, "in");
    EXPECT_EQ(entry.job.limits.memory_bytes, 256U << 20U);
    EXPECT_EQ(entry.job.limits.timeout, std::chrono::milliseconds(2500));
    EXPECT_EQ(entry.job.limits.pids, 9U);
    EXPECT_EQ(entry.job.limits.ulimits.size(), 1U);
    EXPECT_THAT(entry.job.environment, Contains(Pair("SEED", "7")));
}

TEST(JobLine, FlagsAreDefaults) {
    JobDefaults defaults;
    defaults.job.limits.memory_bytes = 1000;
    defaults.job.limits.pids = 5;
    defaults.job.entry = EntryPoint{.function = "g", .arguments_json = "[1]"};
    defaults.variables = {{"A", "1"}};
    const batch::Entry entry =
        read(R"({"source": "", "limits": {"pids-limit": 6}, "args": [2]})", defaults);
    EXPECT_EQ(entry.job.id, "line-7");
    EXPECT_EQ(entry.job.limits.memory_bytes, 1000U);
    EXPECT_EQ(entry.job.limits.pids, 6U);
    EXPECT_EQ(entry.job.entry->function, "g");
    EXPECT_EQ(entry.job.entry->arguments_json, " [2]");
    EXPECT_THAT(entry.job.environment, Contains(Pair("A", "1")));
}

TEST(JobLine, NumbersInArgumentsStayAsTheyAreWritten) {
    const auto entry =
        read(R"({"args" : [123456789012345678901234567890, 1.10] , "source": "", "entry": "f"})");
    EXPECT_EQ(entry.job.entry->arguments_json, " [123456789012345678901234567890, 1.10] ");
}

TEST(JobLine, WithoutAnEntryArgumentsAreTheProgramsWords) {
    EXPECT_THAT(read(R"({"source": "", "args": ["a", "b"]})").job.arguments, ElementsAre("a", "b"));
    EXPECT_THAT(error_of(R"({"source": "", "args": [1]})").message, HasSubstr("array of strings"));
    EXPECT_THAT(error_of(R"({"source": "", "args": {"a": "b"}})").message,
                HasSubstr("array of strings"));
}

TEST(JobLine, NullIsAsGoodAsNothing) {
    const auto entry = read(R"({"id": null, "source": "1", "path": null, "entry": null,
                                "args": null, "stdin": null, "limits": null, "env": null})");
    EXPECT_FALSE(entry.answer);
    EXPECT_FALSE(entry.job.stdin_text);
}

TEST(JobLine, AnUnknownKeyNamesTheNearest) {
    const SetupError key = error_of(R"({"id": "x", "sorce": ""})");
    EXPECT_THAT(key.message, HasSubstr("line 7: unknown key 'sorce'"));
    EXPECT_THAT(key.hint, HasSubstr("'source'"));
    const SetupError limit = error_of(R"({"source": "", "limits": {"memroy": "1m"}})");
    EXPECT_THAT(limit.message, HasSubstr("memroy"));
    EXPECT_THAT(limit.hint, HasSubstr("'memory'"));
}

TEST(JobLine, KeepsTheIdOfALineThatIsWrongOtherwise) {
    EXPECT_EQ(read(R"({"id": "x", "sorce": ""})").answer->result.id, "x");
    EXPECT_EQ(read(R"({"id": 5, "source": ""})").answer->result.id, "line-7");
    EXPECT_EQ(read("nonsense").answer->result.id, "line-7");
}

TEST(JobLine, WhatDoesNotFitIsSaid) {
    const std::vector<std::pair<std::string, std::string>> bad{
        {"", "not valid JSON"},
        {"{", "not valid JSON"},
        {"[1]", "a job is a JSON object, this is an array"},
        {"null", "this is null"},
        {R"({"source": "a", "source": "b"})", "'source' is there twice"},
        {R"({"id": "x"})", "neither 'source' nor 'path'"},
        {R"({"source": "", "path": "x"})", "both"},
        {R"({"source": 1})", "'source' must be a string, not a number"},
        {R"({"id": "", "source": ""})", "'id' is empty"},
        {R"({"id": "a\nb", "source": ""})", "control characters"},
        {R"({"source": "", "limits": []})", "'limits' must be an object"},
        {R"({"source": "", "limits": {"memory": true}})", "must be a string or a number"},
        {R"({"source": "", "limits": {"memory": "much"}})", "limit 'memory'"},
        {R"({"source": "", "limits": {"timeout": "-1s"}})", "limit 'timeout'"},
        {R"({"source": "", "env": {"A": 1}})", "'env.A' must be a string"},
        {R"({"source": "", "env": {"A=B": "1"}})", "no name of a variable"},
        {R"({"source": "", "env": {"A": "\u0000"}})", "NUL"},
        {R"({"path": "a\u0000b"})", "NUL"},
        {R"({"source": "", "entry": "f", "args": "x"})", "an array or an object"},
        {"{\"source\": \"\xff\"}", "not valid JSON"},
        {std::string("{\"source\": \"\0\"}", 14), "not valid JSON"},
    };
    for (const auto& [line, says] : bad)
        EXPECT_THAT(error_of(line).message, HasSubstr(says)) << line;
}

TEST(JobLine, DeepNestingIsRefusedAndNotFollowed) {
    const std::string deep(1'000'000, '[');
    EXPECT_THAT(error_of(R"({"source": "", "args": )" + deep).message, HasSubstr("nested"));
    std::string many = R"({"source": "", "entry": "f", "args": [0)";
    for (int i = 0; i < 2'000'000; ++i)
        many += ",0";
    EXPECT_THAT(error_of(many + "]}").message, HasSubstr("too many values"));
}

TEST(JobLine, AnErrorIsShortWhateverTheLineIs) {
    const SetupError error = error_of("{\"id\": \"" + std::string(5'000'000, 'x'));
    EXPECT_LT(error.message.size(), 500U);
    const SetupError key = error_of("{\"" + std::string(100'000, 'k') + "\": 1}");
    EXPECT_LT(key.message.size(), 500U);
}

TEST(JobLine, AJobThatIsDoneIsLeftOut) {
    const auto is_done = [](const std::string& id) { return id == "x"; };
    EXPECT_FALSE(read_job_line({}, R"({"id": "x", "path": "/nonexistent"})", 1, is_done));
    const auto first_is_done = [](const std::string& id) { return id == "line-1"; };
    EXPECT_FALSE(read_job_line({}, "nonsense", 1, first_is_done));
    EXPECT_TRUE(read_job_line({}, R"({"id": "y", "source": ""})", 1, is_done));
}

TEST(JobLine, AFileThatCannotBeReadIsAnAnswer) {
    EXPECT_EQ(read(R"({"path": "/nonexistent.py"})").answer->exit_code, 127);
    EXPECT_EQ(read(R"({"path": "/"})").answer->exit_code, 126);
    const test::Scratch scratch;
    const std::string fifo = scratch.path() + "/fifo";
    ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    EXPECT_EQ(read(R"({"path": ")" + fifo + "\"}").answer->exit_code, 126);
}

TEST(JobLine, ArtifactsHaveADirectoryEachAndStayBelowTheirs) {
    JobDefaults defaults;
    defaults.job.artifacts = "/out";
    EXPECT_EQ(read(R"({"id": "a/b", "source": ""})", defaults).job.artifacts, "/out/a/b");
    for (const char* id : {"..", "../x", "a/../../x", "/x", "a//b", "."}) {
        EXPECT_THAT(
            error_of(std::string(R"({"source": "", "id": ")") + id + "\"}", defaults).message,
            HasSubstr("--artifacts"))
            << id;
    }
}

TEST(ArgumentsLine, IsAnArrayOrAnObject) {
    JobDefaults defaults;
    defaults.job.entry = EntryPoint{.function = "f"};
    const auto entry = read_arguments_line(defaults, R"({"days": 250})", 3, nothing_is_done);
    EXPECT_EQ(entry->job.id, "line-3");
    EXPECT_EQ(entry->job.entry->arguments_json, R"({"days": 250})");
    const auto bad = read_arguments_line(defaults, "7", 3, nothing_is_done);
    EXPECT_THAT(bad->answer->result.error->message, HasSubstr("an array or an object"));
}

TEST(MemberText, FindsMembersOfTheTopAlone) {
    EXPECT_EQ(member_text(R"({"a": {"x": 1}, "s": "\"x\": 2", "x": [3, "}"]})", "x"),
              R"( [3, "}"])");
    EXPECT_EQ(member_text(R"({"a": {"x": 1}})", "x"), "");
    EXPECT_EQ(member_text("{}", "x"), "");
}

}  // namespace
}  // namespace vitrine::cli
