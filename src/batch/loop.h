// The batch itself: jobs from a source into an engine, results out.
//
// One thread. Nothing in it waits for anything but the engine's next event while jobs run: neither
// for input that has not come nor for a reader of the results who is slow.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>

#include "batch/ordering.h"
#include "batch/result_stream.h"
#include "batch/source.h"
#include "batch/statistics.h"
#include "runtime/engine.h"
#include "runtime/signals.h"

namespace vitrine::batch {

struct LoopOptions {
    unsigned workers = 1;
    bool is_ordered = false;
    bool fails_fast = false;
};

/// Where a batch stands.
struct Standing {
    std::uint64_t taken = 0;     ///< Jobs that the source gave.
    std::uint64_t finished = 0;  ///< Of these, with a result.
    std::uint64_t running = 0;   ///< Or about to.
};

/// How a batch ended.
struct Ending {
    int signal = 0;                    ///< That ended it early; 0 for none.
    bool is_abrupt = false;            ///< It came twice: nothing is to be waited for.
    std::optional<int> first_failure;  ///< The first failure's exit code.
    std::uint64_t left = 0;            ///< Jobs that were started or read and have no result.
};

class Loop {
  public:
    /// Told of every result as it comes, before it is written.
    using Watch = std::function<void(const runtime::RunReport&)>;
    /// Called often, and whenever something has changed.
    using Tick = std::function<void(const Standing&)>;

    /// All of them are borrowed.
    Loop(runtime::Engine& engine, Source& source, ResultStream& results,
         const runtime::EndSignals& interrupts, LoopOptions options);

    /// Runs everything. Throws an Error when the input cannot be read on or the results cannot be
    /// written; what runs then is ended first.
    Ending run(const Watch& watch, const Tick& tick);

  private:
    struct Finished {
        std::uint64_t number;
        std::uint64_t line;
        runtime::RunReport report;
    };

    bool is_over() const;
    bool may_start() const;
    void feed();
    void start(Entry entry);
    void take_finished(const Watch& watch);
    void take(Finished finished, const Watch& watch);
    void hand_on();
    void take_signals();
    void stop(int signal);
    void wait();
    void stop_and_drop();

    runtime::Engine& engine_;
    Source& source_;
    ResultStream& results_;
    const runtime::EndSignals& interrupts_;
    LoopOptions options_;
    Ordering ordering_;
    std::deque<Finished> finished_;
    Standing standing_;
    Ending ending_;
    std::size_t bytes_in_flight_ = 0;
    bool has_input_ = true;
    bool input_is_late_ = false;
    bool is_stopped_ = false;
};

}  // namespace vitrine::batch
