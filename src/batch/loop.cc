#include "batch/loop.h"

#include <signal.h>
#include <sys/epoll.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "runtime/result_json.h"

namespace vitrine::batch {

namespace {

using Milliseconds = std::chrono::milliseconds;

/// What is in memory at a time, beyond the one job or result that may be larger than all of it.
constexpr std::size_t kMaxSourceBytes = std::size_t{128} << 20;
constexpr std::size_t kMaxHeldBytes = std::size_t{64} << 20;
constexpr std::size_t kMaxUnwrittenBytes = std::size_t{4} << 20;

/// For each worker the job it runs and those the engine prepares meanwhile.
constexpr std::uint64_t kInFlight = 4;
/// How far results may be ahead of the one whose turn it is.
constexpr std::uint64_t kOrderedAhead = 64;
/// Jobs that need no engine are answered so many at a time: there are signals to hear.
constexpr int kMaxAnswersInARow = 256;

/// Between looks at the clock.
constexpr Milliseconds kPatience{100};

/// While it lives, the engine's turn also ends when `fd` is ready, if it is not -1.
class WakesEngine {
  public:
    WakesEngine(runtime::Engine& engine, int fd, std::uint32_t events)
        : events_(engine.events()), fd_(fd) {
        if (fd_ >= 0) events_.watch(fd_, events, [] {});
    }
    ~WakesEngine() {
        if (fd_ >= 0) events_.forget(fd_);
    }
    WakesEngine(const WakesEngine&) = delete;
    WakesEngine& operator=(const WakesEngine&) = delete;

  private:
    runtime::EventLoop& events_;
    int fd_;
};

std::size_t size_of(const Job& job) {
    return job.source.bytes.size() + (job.stdin_text ? job.stdin_text->size() : 0) +
           (job.entry ? job.entry->arguments_json.size() : 0);
}

}  // namespace

Loop::Loop(runtime::Engine& engine, Source& source, ResultStream& results,
           const runtime::EndSignals& interrupts, LoopOptions options)
    : engine_(engine),
      source_(source),
      results_(results),
      interrupts_(interrupts),
      options_(options) {}

Ending Loop::run(const Watch& watch, const Tick& tick) {
    try {
        while (!ending_.is_abrupt) {
            take_signals();
            feed();
            take_finished(watch);
            results_.pump();
            tick(standing_);
            if (is_over()) break;
            wait();
        }
    } catch (const Error&) {
        stop_and_drop();
        throw;
    }
    ending_.left = standing_.taken - standing_.finished;
    return ending_;
}

bool Loop::is_over() const {
    return (!has_input_ || is_stopped_) && engine_.pending() == 0 && finished_.empty() &&
           results_.waiting() == 0;
}

bool Loop::may_start() const {
    const std::uint64_t ahead = standing_.taken - ordering_.next();
    return has_input_ && !is_stopped_ && engine_.pending() < kInFlight * options_.workers &&
           bytes_in_flight_ < kMaxSourceBytes && results_.waiting() < kMaxUnwrittenBytes &&
           (!options_.is_ordered ||
            (ahead < kOrderedAhead * options_.workers && ordering_.bytes() < kMaxHeldBytes));
}

void Loop::feed() {
    input_is_late_ = false;
    while (may_start() && finished_.size() < kMaxAnswersInARow) {
        Entry entry;
        const Next next = source_.next(entry);
        if (next == Next::kEnd) has_input_ = false;
        if (next == Next::kNotYet) input_is_late_ = true;
        if (next != Next::kEntry) return;
        start(std::move(entry));
    }
}

void Loop::start(Entry entry) {
    const std::uint64_t number = standing_.taken++;
    if (entry.answer) {
        finished_.push_back({number, entry.line, std::move(*entry.answer)});
        return;
    }
    const std::size_t size = size_of(entry.job);
    bytes_in_flight_ += size;
    engine_.submit(std::move(entry.job),
                   [this, number, size, line = entry.line](runtime::RunReport report) {
                       bytes_in_flight_ -= size;
                       // Written later: an error must not leave through the engine.
                       finished_.push_back({number, line, std::move(report)});
                   });
}

void Loop::take_finished(const Watch& watch) {
    while (!finished_.empty()) {
        Finished finished = std::move(finished_.front());
        finished_.pop_front();
        take(std::move(finished), watch);
    }
    standing_.running = engine_.pending();
}

void Loop::take(Finished finished, const Watch& watch) {
    runtime::RunReport& report = finished.report;
    // Ended by us: left for whoever resumes the batch.
    if (report.interrupt_signal != 0) {
        ordering_.add(finished.number, std::nullopt);
        return hand_on();
    }
    if (report.result.error) report.result.error->line = finished.line;
    ++standing_.finished;
    watch(report);
    ordering_.add(finished.number, runtime::to_json(report.result));
    hand_on();
    if (report.exit_code == 0 || ending_.first_failure) return;
    ending_.first_failure = report.exit_code;
    if (options_.fails_fast) stop(SIGTERM);
}

void Loop::hand_on() {
    const auto write = [this](const std::string& line) { results_.add(line); };
    // What is stopped leaves gaps that nothing will fill.
    if (options_.is_ordered && !is_stopped_) {
        ordering_.release(write);
    } else {
        ordering_.release_all(write);
    }
}

void Loop::take_signals() {
    for (int signal = interrupts_.take(); signal != 0; signal = interrupts_.take()) {
        if (ending_.signal != 0) ending_.is_abrupt = true;
        if (ending_.signal == 0) ending_.signal = signal;
        if (!is_stopped_) stop(signal);
    }
}

void Loop::stop(int signal) {
    is_stopped_ = true;
    engine_.interrupt(signal);
    hand_on();
}

/// Without a job, too, the engine has something to do: sandboxes end, are prepared, are too many.
void Loop::wait() {
    if (!finished_.empty() || (may_start() && !input_is_late_)) {
        return engine_.turn(Milliseconds(0));
    }
    const WakesEngine by_signals(engine_, interrupts_.fd(), EPOLLIN);
    const WakesEngine by_input(engine_, input_is_late_ && !is_stopped_ ? source_.fd() : -1,
                               EPOLLIN);
    const WakesEngine by_room(engine_, results_.waiting() > 0 ? results_.fd() : -1, EPOLLOUT);
    engine_.turn(kPatience);
}

/// Nobody is there to take a result: whatever runs is ended before anybody is told.
void Loop::stop_and_drop() {
    is_stopped_ = true;
    engine_.interrupt(SIGTERM);
    while (engine_.pending() > 0)
        engine_.turn(kPatience);
    finished_.clear();
}

}  // namespace vitrine::batch
