#include "batch/loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "fake_engine.h"
#include "support/scratch.h"

namespace vitrine::batch {
namespace {

using testing::ElementsAre;

/// Jobs with the ids 0, 1, 2, …; how long each takes is told.
class Numbers : public Source {
  public:
    explicit Numbers(std::vector<std::size_t> turns) : turns_(std::move(turns)) {}

    Next next(Entry& entry) override {
        if (at_ == turns_.size()) return Next::kEnd;
        entry.job.id = std::to_string(at_);
        entry.job.source.bytes.assign(turns_[at_], ' ');
        entry.line = at_ + 1;
        if (failing.contains(at_)) entry.job.entry = EntryPoint{};
        if (unfit.contains(at_)) {
            entry.answer.emplace();
            entry.answer->result.id = entry.job.id;
            entry.answer->exit_code = 125;
            entry.answer->result.error = SetupError{.step = "job-line", .message = "no"};
        }
        ++at_;
        return Next::kEntry;
    }
    std::optional<double> share() const override { return std::nullopt; }

    std::set<std::size_t> failing;
    std::set<std::size_t> unfit;

  private:
    std::vector<std::size_t> turns_;
    std::size_t at_ = 0;
};

/// One batch over a FakeEngine.
struct Batch {
    explicit Batch(std::vector<std::size_t> turns, LoopOptions wanted = {.workers = 2})
        : options(wanted), engine(options.workers), source(std::move(turns)) {}

    Ending run() {
        ResultStream results = ResultStream::to_file(path(), FileUse::kReplace);
        const runtime::EndSignals interrupts;
        Loop loop(engine, source, results, interrupts, options);
        return loop.run([](const runtime::RunReport&) {}, [](const Standing&) {});
    }

    std::string path() const { return scratch.path() + "/results"; }
    std::vector<nlohmann::json> results() const {
        std::vector<nlohmann::json> all;
        std::ifstream file(path());
        for (std::string line; std::getline(file, line);)
            all.push_back(nlohmann::json::parse(line));
        return all;
    }
    std::vector<std::string> ids() const {
        std::vector<std::string> all;
        for (const auto& result : results())
            all.push_back(result["id"]);
        return all;
    }

    test::Scratch scratch;
    LoopOptions options;
    FakeEngine engine;
    Numbers source;
};

TEST(Loop, WritesResultsAsTheyCome) {
    Batch batch({5, 1, 1, 1});
    const Ending ending = batch.run();
    EXPECT_THAT(batch.ids(), ElementsAre("1", "2", "3", "0"));
    EXPECT_EQ(ending.left, 0U);
    EXPECT_FALSE(ending.first_failure);
}

TEST(Loop, WritesThemInOrderWhenAskedTo) {
    Batch batch({5, 1, 3, 1}, {.workers = 2, .is_ordered = true});
    batch.run();
    EXPECT_THAT(batch.ids(), ElementsAre("0", "1", "2", "3"));
}

TEST(Loop, KeepsFewJobsInFlight) {
    Batch batch(std::vector<std::size_t>(3'000, 1));
    batch.run();
    EXPECT_EQ(batch.ids().size(), 3'000U);
    EXPECT_LE(batch.engine.most_pending(), 8U);
}

TEST(Loop, InOrderItDoesNotRunFarAheadOfASlowJob) {
    std::vector<std::size_t> turns(3'000, 1);
    turns[0] = 20'000;
    Batch batch(std::move(turns), {.workers = 2, .is_ordered = true});
    std::size_t most = 0;
    int turn = 0;
    batch.engine.on_turn = [&] {
        if (++turn == 10'000) most = batch.engine.submitted();
    };
    batch.run();
    EXPECT_EQ(batch.ids().size(), 3'000U);
    EXPECT_LE(most, 128U);
    EXPECT_GT(most, 100U);
}

TEST(Loop, AJobThatCannotStartIsAnsweredWithItsLine) {
    Batch batch({1, 1, 1});
    batch.source.unfit = {1};
    const Ending ending = batch.run();
    EXPECT_EQ(ending.first_failure, 125);
    ASSERT_EQ(batch.results().size(), 3U);
    for (const auto& result : batch.results()) {
        if (result["id"] == "1") {
            EXPECT_EQ(result["error"]["line"], 2);
        } else {
            EXPECT_EQ(result["error"], nullptr);
        }
    }
}

TEST(Loop, StopsAtTheFirstFailureWhenAskedTo) {
    Batch batch(std::vector<std::size_t>(1000, 3), {.workers = 2, .fails_fast = true});
    batch.source.failing = {2};
    const Ending ending = batch.run();
    EXPECT_EQ(ending.first_failure, 7);
    EXPECT_EQ(ending.signal, 0);
    EXPECT_GT(ending.left, 0U);
    EXPECT_EQ(batch.engine.interrupted(), 1);
    EXPECT_LT(batch.ids().size(), 10U);
    EXPECT_THAT(batch.ids(), testing::Contains("2"));
}

TEST(Loop, ASignalLeavesWhatRunsForLater) {
    Batch batch(std::vector<std::size_t>(1000, 3));
    int turns = 0;
    batch.engine.on_turn = [&] {
        if (++turns == 10) ::raise(SIGINT);
    };
    const Ending ending = batch.run();
    EXPECT_EQ(ending.signal, SIGINT);
    EXPECT_FALSE(ending.is_abrupt);
    EXPECT_GT(ending.left, 0U);
    EXPECT_EQ(batch.ids().size() + ending.left, batch.engine.submitted());
    for (const auto& result : batch.results())
        EXPECT_EQ(result["status"], "exited");
}

TEST(Loop, InOrderASignalLosesNoResultThatWasHeldBack) {
    std::vector<std::size_t> turns(20, 1);
    turns[0] = 1000;
    Batch batch(std::move(turns), {.workers = 2, .is_ordered = true});
    int count = 0;
    batch.engine.on_turn = [&] {
        if (++count == 100) ::raise(SIGTERM);
    };
    batch.run();
    EXPECT_EQ(batch.ids().size(), 19U);
    EXPECT_EQ(batch.ids().front(), "1");
}

TEST(Loop, ASecondSignalEndsAtOnce) {
    Batch batch(std::vector<std::size_t>(1000, 3));
    batch.engine.on_turn = [] {
        ::raise(SIGINT);
        ::raise(SIGTERM);
    };
    const Ending ending = batch.run();
    EXPECT_NE(ending.signal, 0);
    EXPECT_TRUE(ending.is_abrupt);
}

TEST(Loop, WithoutAReaderItEndsWhatRuns) {
    ::signal(SIGPIPE, SIG_IGN);
    Batch batch(std::vector<std::size_t>(1000, 3));
    Pipe pipe = make_pipe();
    ResultStream results = ResultStream::to_descriptor(pipe.write_end.get(), "stdout");
    pipe.read_end.reset();
    const runtime::EndSignals interrupts;
    Loop loop(batch.engine, batch.source, results, interrupts, batch.options);
    EXPECT_THROW(loop.run([](const runtime::RunReport&) {}, [](const Standing&) {}), Error);
    EXPECT_EQ(batch.engine.pending(), 0U);
    EXPECT_EQ(batch.engine.interrupted(), 1);
}

}  // namespace
}  // namespace vitrine::batch
