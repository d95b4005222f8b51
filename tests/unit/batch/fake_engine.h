// An engine without processes: a job takes as many turns as its source has bytes.
#pragma once

#include <algorithm>
#include <deque>
#include <utility>

#include "runtime/engine.h"

namespace vitrine::batch {

class FakeEngine : public runtime::Engine {
  public:
    explicit FakeEngine(std::size_t workers) : workers_(workers) {}

    void submit(Job job, Done done) override {
        queue_.push_back({std::move(job), std::move(done), 0});
        most_pending_ = std::max(most_pending_, queue_.size());
        ++submitted_;
    }
    std::size_t pending() const override { return queue_.size(); }
    std::vector<runtime::Zygote> zygotes() const override { return {}; }

    void turn(std::chrono::milliseconds /*patience*/) override {
        std::deque<Held> left;
        std::deque<Held> done;
        for (std::size_t i = 0; i < queue_.size(); ++i) {
            Held& held = queue_[i];
            if (i < workers_) ++held.turns;
            auto& to = held.turns >= held.job.source.bytes.size() ? done : left;
            to.push_back(std::move(held));
        }
        queue_ = std::move(left);
        for (Held& held : done)
            answer(held, 0);
        if (on_turn) on_turn();
    }

    void interrupt(int signal) override {
        ++interrupted_;
        for (Held& held : std::exchange(queue_, {}))
            answer(held, signal);
    }

    runtime::EventLoop& events() override { return events_; }

    std::size_t most_pending() const { return most_pending_; }
    std::size_t submitted() const { return submitted_; }
    int interrupted() const { return interrupted_; }

    std::function<void()> on_turn;

  private:
    struct Held {
        Job job;
        Done done;
        std::size_t turns;
    };

    static void answer(Held& held, int signal) {
        runtime::RunReport report;
        report.result.id = held.job.id;
        report.interrupt_signal = signal;
        report.result.status = signal == 0 ? Status::kExited : Status::kSignaled;
        report.exit_code = held.job.entry ? 7 : 0;  // A job with an entry point fails.
        report.result.exit_code = report.exit_code;
        report.result.timings.total = 1;
        held.done(std::move(report));
    }

    std::size_t workers_;
    runtime::EventLoop events_;
    std::deque<Held> queue_;
    std::size_t most_pending_ = 0;
    std::size_t submitted_ = 0;
    int interrupted_ = 0;
};

}  // namespace vitrine::batch
