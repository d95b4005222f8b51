#include "cli/job_sources.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "base/error.h"
#include "support/scratch.h"

namespace vitrine::cli {
namespace {

using batch::Entry;
using batch::Next;
using testing::ElementsAre;

bool nothing_is_done(const std::string& /*id*/) {
    return false;
}

std::vector<std::string> ids_of(batch::Source& source) {
    std::vector<std::string> ids;
    for (;;) {
        Entry entry;
        const Next next = source.next(entry);
        if (next == Next::kEnd) return ids;
        if (next == Next::kEntry)
            ids.push_back(entry.answer ? entry.answer->result.id : entry.job.id);
    }
}

TEST(JobLines, BlankLinesAndAByteOrderMarkAreNoJobs) {
    const test::Scratch scratch;
    const std::string path = scratch.write(
        "jobs", "\xEF\xBB\xBF{\"id\":\"a\",\"source\":\"\"}\r\n\n  \n{\"source\":\"\"}");
    const auto source = open_job_lines(path, {}, nothing_is_done);
    EXPECT_THAT(ids_of(*source), ElementsAre("a", "line-4"));
    EXPECT_EQ(source->share(), 1.0);
}

TEST(JobLines, WhatIsDoneIsSkippedAndCounted) {
    const test::Scratch scratch;
    std::string lines;
    for (int i = 0; i < 1000; ++i)
        lines += R"({"id":")" + std::to_string(i) + "\",\"source\":\"\"}\n";
    const auto source = open_job_lines(scratch.write("jobs", lines), {},
                                       [](const std::string& id) { return id != "998"; });
    EXPECT_THAT(ids_of(*source), ElementsAre("998"));
    EXPECT_EQ(source->skipped(), 999U);
}

TEST(JobLines, WhatCannotBeReadIsRefused) {
    EXPECT_THROW(open_job_lines("/nonexistent", {}, nothing_is_done), Error);
    EXPECT_THROW(open_job_lines("/", {}, nothing_is_done), Error);
}

TEST(Directory, GivesScriptsInOrderAndFollowsNoLinkToADirectory) {
    const test::Scratch scratch;
    std::filesystem::create_directories(scratch.path() + "/sub/deeper");
    for (const char* name : {"b.py", "a.py", "sub/c.py", "sub/deeper/d.py", "z.py", "notes.txt"})
        scratch.write(name, "");
    std::filesystem::create_directory_symlink(scratch.path(), scratch.path() + "/sub/loop");
    std::filesystem::create_symlink("a.py", scratch.path() + "/link.py");
    std::filesystem::create_symlink("nowhere", scratch.path() + "/zz.py");
    const auto source = open_directory(scratch.path(), {}, nothing_is_done);
    EXPECT_THAT(ids_of(*source), ElementsAre("a.py", "b.py", "link.py", "sub/c.py",
                                             "sub/deeper/d.py", "z.py", "zz.py"));
    EXPECT_EQ(source->share(), 1.0);
}

TEST(Directory, NamesThatAreNoTextGetAnIdThatIs) {
    const test::Scratch scratch;
    scratch.write("caf\xe9.py", "");
    scratch.write("new\nline.py", "");
    const auto source = open_directory(scratch.path(), {}, nothing_is_done);
    EXPECT_THAT(ids_of(*source), ElementsAre("caf\\xe9.py", "new\\x0aline.py"));
}

TEST(RepeatedJob, HasNumberedIds) {
    Job job;
    job.id = "x";
    EXPECT_THAT(ids_of(*repeat_job(job, 3)), ElementsAre("x-1", "x-2", "x-3"));
}

}  // namespace
}  // namespace vitrine::cli
