// What a batch comes to: counted as results come, in memory that does not grow with them.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "batch/distribution.h"
#include "batch/failure.h"
#include "batch/ranking.h"
#include "batch/timeline.h"
#include "runtime/run.h"

namespace vitrine::batch {

class Statistics {
  public:
    /// The batch begins now.
    explicit Statistics(std::size_t workers);

    /// A job has ended, now.
    void add(const runtime::RunReport& report);

    std::uint64_t count() const { return count_; }
    std::uint64_t count(Status status) const {
        return by_status_[static_cast<std::size_t>(status)];
    }
    const StatusCounts& by_status() const { return by_status_; }
    std::uint64_t failed() const { return failures_.count(); }
    /// Since the batch began, until it ended if it has.
    std::chrono::duration<double> elapsed() const { return ended_.value_or(Clock::now()) - began_; }
    /// The batch has ended, now.
    void finish() { ended_ = Clock::now(); }

    /// Of jobs that ran: microseconds and bytes.
    const Distribution& wall() const { return wall_; }
    const Distribution& cpu() const { return cpu_; }
    const Distribution& memory() const { return memory_; }
    const Ranking& slowest() const { return slowest_; }
    const Ranking& largest() const { return largest_; }
    const FailureLog& failures() const { return failures_; }
    const Timeline& timeline() const { return timeline_; }
    std::uint64_t warm() const { return warm_; }

  private:
    void measure(const Result& result);

    Clock::time_point began_ = Clock::now();
    std::optional<Clock::time_point> ended_;
    std::uint64_t count_ = 0;
    std::uint64_t warm_ = 0;
    StatusCounts by_status_{};
    Distribution wall_;
    Distribution cpu_;
    Distribution memory_;
    Ranking slowest_;
    Ranking largest_;
    FailureLog failures_;
    Timeline timeline_;
};

}  // namespace vitrine::batch
