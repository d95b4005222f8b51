#include "batch/done_jobs.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "support/scratch.h"

namespace vitrine::batch {
namespace {

TEST(DoneJobs, AreTheIdsOfResults) {
    const test::Scratch scratch;
    const std::string path =
        scratch.write("results.jsonl", R"({"schema":"x","id":"a","n":{"id":"inner"}}
{"value":[{"id":"c"}],"id":"b/1"}
)");
    DoneJobs done = DoneJobs::read(path);
    EXPECT_EQ(done.size(), 2U);
    EXPECT_TRUE(done.take("a"));
    EXPECT_TRUE(done.take("b/1"));
    EXPECT_FALSE(done.take("inner"));
    EXPECT_FALSE(done.take("c"));
}

TEST(DoneJobs, AnIdWithTwoResultsIsTakenTwice) {
    DoneJobs done;
    done.add("a");
    done.add("b");
    done.add("a");
    done.sort();
    EXPECT_TRUE(done.take("a"));
    EXPECT_TRUE(done.take("a"));
    EXPECT_FALSE(done.take("a"));
    EXPECT_TRUE(done.take("b"));
}

TEST(DoneJobs, ALineWithoutAnEndDoesNotCount) {
    const test::Scratch scratch;
    DoneJobs done = DoneJobs::read(scratch.write("r", "{\"id\":\"a\"}\n{\"id\":\"b\"}"));
    EXPECT_TRUE(done.take("a"));
    EXPECT_FALSE(done.take("b"));
    EXPECT_EQ(done.strange_lines(), 0U);
}

TEST(DoneJobs, LinesThatAreNoResultsAreCounted) {
    const test::Scratch scratch;
    DoneJobs done =
        DoneJobs::read(scratch.write("r", "{\"id\":\"a\"\n[1]\n{\"id\":7}\n{\"id\":\"b\"}\n"));
    EXPECT_EQ(done.strange_lines(), 3U);
    EXPECT_EQ(done.size(), 1U);
    EXPECT_TRUE(done.take("b"));
}

TEST(DoneJobs, WhatIsNoFileIsRefused) {
    EXPECT_THROW(DoneJobs::read("/nonexistent"), Error);
    EXPECT_THROW(DoneJobs::read("/"), Error);
}

}  // namespace
}  // namespace vitrine::batch
