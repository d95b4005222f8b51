#include "runtime/engine.h"

#include <malloc.h>
#include <signal.h>
#include <sys/resource.h>

#include <algorithm>
#include <deque>
#include <optional>

#include "base/error.h"
#include "runtime/children.h"
#include "runtime/cold_run.h"
#include "runtime/event_loop.h"
#include "runtime/job_limits.h"
#include "runtime/job_run.h"
#include "runtime/trace_files.h"
#include "runtime/warm_house.h"
#include "runtime/warm_run.h"
#include "sandbox/report.h"

namespace vitrine::runtime {

namespace {

constexpr int kSignalBase = 128;
/// A thread that a job made us trace keeps its process from ending until it is reaped; see
/// Children.
constexpr std::int64_t kStrangersLookNs = 50'000'000;
/// Descriptors a job takes in this process, and what else there may be.
constexpr rlim_t kDescriptorsPerJob = 24;
constexpr rlim_t kOtherDescriptors = 256;

/// Sandboxes being taken apart beside as many as may run.
constexpr std::size_t kMostEnding = 16;

/// One submitted job.
struct Task {
    Job job;
    Engine::Done done;
    RunOptions options;
    std::unique_ptr<JobRun> run;
};

/// As many descriptors as the jobs may take, or as many as may be had.
void make_room_for_descriptors(unsigned workers) {
    rlimit limit{};
    check(::getrlimit(RLIMIT_NOFILE, &limit), "reading our own limits", "getrlimit");
    const rlim_t wanted =
        std::min(limit.rlim_max, workers * kDescriptorsPerJob + kOtherDescriptors);
    if (limit.rlim_cur >= wanted) return;
    limit.rlim_cur = wanted;
    check(::setrlimit(RLIMIT_NOFILE, &limit), "making room for descriptors", "setrlimit");
}

/// Whoever reads from us may leave; that is no reason to end.
void ignore_broken_pipes() {
    struct sigaction current{};
    if (::sigaction(SIGPIPE, nullptr, &current) == 0 && current.sa_handler == SIG_DFL) {
        (void)::signal(SIGPIPE, SIG_IGN);
    }
}

/// What one job gave back the next one needs: asking the kernel each time costs page faults.
void keep_freed_memory() {
    constexpr int kKept = 16 << 20;
    (void)::mallopt(M_TRIM_THRESHOLD, kKept);
    (void)::mallopt(M_MMAP_THRESHOLD, kKept);
}

RunReport interrupted_report(const Job& job, int signal) {
    RunReport report;
    report.result.id = job.id;
    report.result.status = Status::kSetupError;
    report.result.error =
        SetupError{.step = "await-turn", .message = "interrupted before its turn came"};
    report.exit_code = kSignalBase + signal;
    report.interrupt_signal = signal;
    return report;
}

class JobEngine final : public Engine {
  public:
    explicit JobEngine(EngineOptions options)
        : options_(std::move(options)),
          children_(loop_),
          strangers_look_(loop_, [this] { look_for_strangers(); }) {
        make_room_for_descriptors(options_.workers);
        ignore_broken_pipes();
        keep_freed_memory();
        if (!options_.is_cold) house_.emplace(context(), options_);
        if (options_.strace) trace_files_.emplace(options_.strace->file);
    }

    ~JobEngine() override {
        // Nobody is left to be told, and nothing is to be left running.
        for (const auto& task : running_)
            task->done = [](const RunReport&) {};
        waiting_.clear();
        finished_.clear();
        interrupt(SIGTERM);
        while (!running_.empty())
            turn(kPatienceAtEnd);
    }

    void submit(Job job, Done done) override {
        auto task = std::make_unique<Task>();
        task->job = std::move(job);
        task->done = std::move(done);
        waiting_.push_back(std::move(task));
    }

    std::size_t pending() const override {
        return waiting_.size() + running_.size() + finished_.size();
    }

    std::vector<Zygote> zygotes() const override {
        return house_ ? house_->zygotes() : std::vector<Zygote>();
    }

    void turn(std::chrono::milliseconds patience) override {
        start_waiting();
        if (finished_.empty()) loop_.turn(patience);
        answer_finished();
        start_waiting();
    }

    void interrupt(int signal) override {
        std::vector<JobRun*> runs;  // One may end at once, and with it its place.
        for (const auto& task : running_)
            runs.push_back(task->run.get());
        for (JobRun* run : runs)
            run->interrupt(signal);
        std::deque<std::unique_ptr<Task>> waiting;
        waiting.swap(waiting_);
        for (const auto& task : waiting)
            task->done(interrupted_report(task->job, signal));
    }

    EventLoop& events() override { return loop_; }

  private:
    static constexpr std::chrono::milliseconds kPatienceAtEnd{100};

    void start_waiting() {
        while (!waiting_.empty() && running_.size() < options_.workers && !is_ending_too_many()) {
            running_.push_back(std::move(waiting_.front()));
            waiting_.pop_front();
            Task* task = running_.back().get();
            task->options = options_for(task->job);
            task->run = make_run(*task);
            task->run->start();
        }
        if (!running_.empty() && !strangers_look_.is_set()) look_for_strangers();
    }

    /// Jobs that end faster than the kernel takes their sandboxes apart must wait for it.
    bool is_ending_too_many() const {
        return house_ && house_->dying() > options_.workers + kMostEnding;
    }

    std::unique_ptr<JobRun> make_run(Task& task) {
        auto on_done = [this, &task] { finish(&task); };
        if (house_) {
            return std::make_unique<WarmRun>(context(), *house_, task.job, task.options,
                                             std::move(on_done));
        }
        return std::make_unique<ColdRun>(context(), task.job, task.options, std::move(on_done));
    }

    RunOptions options_for(const Job& job) {
        RunOptions options{.profiles = options_.profiles,
                           .strace = options_.strace,
                           .debugger = {},
                           .checks = nullptr};
        if (options.strace) options.strace->file = trace_files_->path_for(job.id);
        return options;
    }

    RunContext context() { return {.loop = loop_, .children = children_, .limits = limits_}; }

    /// Called by a run, which must not be destroyed while it does.
    void finish(const Task* task) {
        const auto found = std::ranges::find(running_, task, &std::unique_ptr<Task>::get);
        finished_.push_back(std::move(*found));
        running_.erase(found);
    }

    void answer_finished() {
        std::vector<std::unique_ptr<Task>> finished;
        finished.swap(finished_);
        for (const auto& task : finished) {
            RunReport report = task->run->report();
            task->run.reset();
            task->done(std::move(report));
        }
        if (house_) house_->clean_up();
    }

    void look_for_strangers() {
        children_.reap_strangers();
        if (!running_.empty()) {
            strangers_look_.set(sandbox::monotonic_ns() + kStrangersLookNs);
        }
    }

    EngineOptions options_;
    JobLimits limits_;
    EventLoop loop_;
    Children children_;
    Alarm strangers_look_;
    std::optional<WarmHouse> house_;
    std::optional<TraceFiles> trace_files_;
    std::deque<std::unique_ptr<Task>> waiting_;
    std::vector<std::unique_ptr<Task>> running_;
    std::vector<std::unique_ptr<Task>> finished_;
};

}  // namespace

std::unique_ptr<Engine> make_engine(EngineOptions options) {
    return std::make_unique<JobEngine>(std::move(options));
}

}  // namespace vitrine::runtime
