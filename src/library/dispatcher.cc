#include "library/dispatcher.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "base/error.h"
#include "base/random_id.h"
#include "library/codec.h"

namespace vitrine::library {

namespace {

/// From its start until it says that it is ready, and from the last request until it is gone.
constexpr std::chrono::seconds kPatienceAtStart{30};
constexpr std::chrono::seconds kPatienceAtEnd{10};
/// Supervisors that may die, one after the other, without having answered a single job.
constexpr int kMaxFailures = 3;

/// Of a job the supervisor had been given.
constexpr const char* kHintOfLost =
    "the job may have run, and is not run again: submit it anew if it may run twice";

template <typename Message>
std::vector<std::byte> frame_of(Kind kind, const Message& message) {
    return make_frame(static_cast<std::uint32_t>(kind), encode(message));
}

/// Signals are for the program's own threads.
class WithoutSignals {
  public:
    WithoutSignals() {
        sigset_t all;
        sigfillset(&all);
        (void)::pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~WithoutSignals() { (void)::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    WithoutSignals(const WithoutSignals&) = delete;
    WithoutSignals& operator=(const WithoutSignals&) = delete;

  private:
    sigset_t before_{};
};

}  // namespace

Dispatcher::Dispatcher(Start start, std::string program)
    : start_(std::move(start)),
      program_(std::move(program)),
      process_(::getpid()),
      wake_(check(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "making a runtime", "eventfd")) {
    const WithoutSignals without;
    thread_ = std::thread([this] { work(); });
}

// ── any thread ──

void Dispatcher::submit(Job job, Done done) {
    if (job.id.empty()) job.id = random_id();
    NumberedJob numbered{.job = std::move(job)};
    {
        const std::lock_guard lock(mutex_);
        numbered.number = next_number_++;
    }
    const std::vector<std::byte> bytes = encode(numbered);
    Task task{.number = numbered.number,
              .id = std::move(numbered.job.id),
              .frame = {},
              .done = std::move(done)};
    if (bytes.size() <= kMaxFrameBytes) {
        task.frame = make_frame(static_cast<std::uint32_t>(Kind::kJob), bytes);
    }
    {
        const std::lock_guard lock(mutex_);
        ++unanswered_;
        // By a callback, while it closes.
        if (is_closing_) wants_interrupt_ = true;
        (is_closing_ ? interrupted_ : waiting_).push_back(std::move(task));
    }
    wake();
}

/// What is submitted after this is not meant.
void Dispatcher::interrupt() {
    {
        const std::lock_guard lock(mutex_);
        wants_interrupt_ = true;
        std::ranges::move(waiting_, std::back_inserter(interrupted_));
        waiting_.clear();
    }
    wake();
}

void Dispatcher::close() {
    if (!thread_.joinable()) return;
    {
        const std::lock_guard lock(mutex_);
        is_closing_ = true;
    }
    interrupt();
    thread_.join();
}

void Dispatcher::wait() {
    std::unique_lock lock(mutex_);
    all_answered_.wait(lock, [this] { return unanswered_ == 0; });
}

bool Dispatcher::is_forked_away() const {
    return ::getpid() != process_;
}

void Dispatcher::wake() const {
    const std::uint64_t one = 1;
    // Refused only by a counter at its very end, and that wakes, too.
    (void)!::write(wake_.get(), &one, sizeof one);
}

// ── the thread's own ──

void Dispatcher::work() {
    while (true) {
        take_requests();
        if (is_over()) break;
        send_waiting();
        wait_for_events();
        listen();
    }
    dismiss_supervisor();
}

bool Dispatcher::is_over() {
    const std::lock_guard lock(mutex_);
    return is_closing_ && !wants_interrupt_ && waiting_.empty() && sent_.empty();
}

void Dispatcher::take_requests() {
    std::deque<Task> interrupted;
    {
        const std::lock_guard lock(mutex_);
        if (!std::exchange(wants_interrupt_, false)) return;
        interrupted.swap(interrupted_);
        if (!sent_.empty()) {
            talk_->send(make_frame(static_cast<std::uint32_t>(Kind::kInterrupt), {}));
        }
        if (is_closing_) deadline_ = Clock::now() + kPatienceAtEnd;
    }
    fail_all(std::move(interrupted),
             {.step = "await-turn", .message = "interrupted before its turn came"});
}

/// Nothing while there is an interruption to be sent first.
std::optional<Dispatcher::Task> Dispatcher::next_waiting() {
    const std::lock_guard lock(mutex_);
    if (waiting_.empty() || wants_interrupt_) return std::nullopt;
    std::optional<Task> task = std::move(waiting_.front());
    waiting_.pop_front();
    return task;
}

void Dispatcher::send_waiting() {
    while (sent_.size() < kJobsInFlight * start_.workers) {
        auto task = next_waiting();
        if (!task) return;
        if (task->frame.empty()) {
            fail(*task, {.step = "job", .message = "it is larger than 1 GiB"});
        } else if (talk_ || start_supervisor()) {
            send(std::move(*task));
        } else {
            fail(*task, {.step = "supervisor", .message = reason_.message, .hint = reason_.hint});
        }
    }
}

void Dispatcher::send(Task task) {
    talk_->send(std::exchange(task.frame, {}));
    const std::uint64_t number = task.number;
    sent_.emplace(number, std::move(task));
}

/// False when it cannot be started, for a reason that is then set.
bool Dispatcher::start_supervisor() {
    reason_ = {};
    has_answered_ = false;
    try {
        talk_.emplace(program_);
    } catch (const Error& error) {
        reason_ = {.message = error.what(), .hint = error.hint()};
        return false;
    }
    deadline_ = Clock::now() + kPatienceAtStart;
    talk_->send(frame_of(Kind::kStart, start_));
    return true;
}

int Dispatcher::patience() const {
    if (!talk_ || !deadline_) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline_ - Clock::now());
    return static_cast<int>(std::max<std::int64_t>(left.count(), 0));
}

void Dispatcher::wait_for_events() {
    std::array<pollfd, 2> events{{{wake_.get(), POLLIN, 0}, {-1, POLLIN, 0}}};
    if (talk_) {
        events[1].fd = talk_->fd();
        if (talk_->has_unsent()) events[1].events |= POLLOUT;
    }
    (void)::poll(events.data(), events.size(), patience());
    std::uint64_t count = 0;
    (void)!::read(wake_.get(), &count, sizeof count);
}

void Dispatcher::listen() {
    if (!talk_) return;
    bool is_lost = !talk_->exchange();
    try {
        while (const auto frame = talk_->next())
            take(*frame);
    } catch (const Error& error) {
        reason_ = {.message = error.what(), .hint = error.hint()};
        is_lost = true;
    }
    if (!is_lost && deadline_ && Clock::now() >= *deadline_) {
        reason_ = {.message = "it does not answer, and was killed", .hint = {}};
        is_lost = true;
    }
    if (is_lost) lose_supervisor();
}

void Dispatcher::take(const Frame& frame) {
    if (frame.kind == static_cast<std::uint32_t>(Kind::kResult)) return take_result(frame);
    if (frame.kind == static_cast<std::uint32_t>(Kind::kReady)) {
        talk_->process().introduce(decode<Ready>(frame.bytes).pid);
        const std::lock_guard lock(mutex_);
        if (!is_closing_) deadline_.reset();
    } else if (frame.kind == static_cast<std::uint32_t>(Kind::kRefusal)) {
        auto refusal = decode<Refusal>(frame.bytes);
        reason_ = {.message = std::move(refusal.message),
                   .hint = std::move(refusal.hint),
                   .is_final = true};
    } else {
        throw Error("it speaks another language");
    }
}

void Dispatcher::take_result(const Frame& frame) {
    auto numbered = decode<NumberedResult>(frame.bytes);
    auto task = sent_.extract(numbered.number);
    if (task.empty()) throw Error("it answered a job that it was not given");
    has_answered_ = true;
    failures_ = 0;
    answer(task.mapped(), std::move(numbered.result));
}

/// Jobs it was given are answered; those that were not are the next one's, unless there is no sense
/// in starting one.
void Dispatcher::lose_supervisor() {
    const SetupError error{.step = "supervisor",
                           .message = concat("the supervising process is lost: ", reason_.message),
                           .hint = reason_.hint.empty() ? kHintOfLost : reason_.hint};
    const bool gives_up = reason_.is_final || (!has_answered_ && ++failures_ >= kMaxFailures);
    talk_.reset();
    deadline_.reset();
    for (auto& [number, task] : std::exchange(sent_, {}))
        fail(task, error);
    if (!gives_up) return;
    failures_ = 0;
    std::deque<Task> waiting;
    {
        const std::lock_guard lock(mutex_);
        waiting.swap(waiting_);
    }
    fail_all(std::move(waiting),
             {.step = error.step, .message = error.message, .hint = reason_.hint});
}

void Dispatcher::dismiss_supervisor() {
    if (!talk_) return;
    talk_->hang_up();
    deadline_ = Clock::now() + kPatienceAtEnd;
    while (talk_->exchange() && Clock::now() < *deadline_) {
        pollfd event{talk_->fd(), POLLIN, 0};
        (void)::poll(&event, 1, patience());
    }
    talk_.reset();
}

/// Whatever the callback holds is let go before anybody is told that it has returned.
void Dispatcher::answer(Task& task, Result result) {
    std::exchange(task.done, nullptr)(std::move(result));
    const std::lock_guard lock(mutex_);
    if (--unanswered_ == 0) all_answered_.notify_all();
}

void Dispatcher::fail(Task& task, const SetupError& error) {
    Result result;
    result.id = task.id;
    result.error = error;
    answer(task, std::move(result));
}

void Dispatcher::fail_all(std::deque<Task> tasks, const SetupError& error) {
    for (Task& task : tasks)
        fail(task, error);
}

}  // namespace vitrine::library
