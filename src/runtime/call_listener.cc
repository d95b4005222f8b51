#include "runtime/call_listener.h"

#include <time.h>

#include <algorithm>
#include <cerrno>

#include "base/error.h"
#include "kernel/process.h"
#include "sandbox/report.h"
#include "seccomp/bpf_machine.h"

namespace vitrine::runtime {

namespace {

using sandbox::monotonic_ns;

/// The loop has others to look after.
constexpr int kCallsPerTurn = 64;
/// More callers than these are not heard before some are answered. A caller that is killed makes
/// room for the next: their number is no bound.
constexpr std::size_t kMostDue = 256;
/// One part in so many of a CPU. What a turn of the loop costs beside comes to as much again.
constexpr std::int64_t kShareOfCpu = 8;
constexpr std::int64_t kMostSavedNs = 50'000'000;
/// What is saved up before going on, once all was spent: going on and off costs, too.
constexpr std::int64_t kFreshStartNs = 1'000'000;
/// The payload announces its listener and then makes it: that takes a fraction of a millisecond.
constexpr std::int64_t kFirstPatienceNs = 100'000;
constexpr std::int64_t kMostPatienceNs = 20'000'000;
constexpr std::uint32_t kMaxErrno = 4095;  // As the kernel has it for SECCOMP_RET_ERRNO.

std::int64_t thread_cpu_ns() {
    timespec time{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}

bool is_refusal(std::uint32_t outcome) {
    return (outcome & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO;
}

}  // namespace

// ── the budget ──

void CpuBudget::earn(std::int64_t now_ns) {
    const std::int64_t earned =
        earned_until_ns_ == 0 ? kMostSavedNs : (now_ns - earned_until_ns_) / kShareOfCpu;
    left_ns_ = std::min(kMostSavedNs, left_ns_ + earned);
    earned_until_ns_ = now_ns;
}

void CpuBudget::spend(std::int64_t spent_ns, std::int64_t now_ns) {
    earn(now_ns);
    left_ns_ -= spent_ns;
}

std::int64_t CpuBudget::wait_ns(std::int64_t now_ns) {
    earn(now_ns);
    return left_ns_ >= 0 ? 0 : (kFreshStartNs - left_ns_) * kShareOfCpu;
}

// ── the listener ──

CallListener::CallListener(EventLoop& loop, seccomp::Program filter, Hooks hooks)
    : loop_(loop),
      filter_(std::move(filter)),
      hooks_(std::move(hooks)),
      retry_(loop, [this] { try_to_take(); }),
      rest_(loop, [this] { answer_all(); }) {}

CallListener::~CallListener() {
    stop();
}

void CallListener::take_from(int payload_pidfd, int listener_fd) {
    payload_pidfd_ = payload_pidfd;
    listener_fd_ = listener_fd;
    patience_ns_ = kFirstPatienceNs;
    try_to_take();
}

/// For as long as the payload lives; whoever watches it ends it when it takes too long.
void CallListener::try_to_take() {
    try {
        listener_.emplace(kernel::take_descriptor(payload_pidfd_, listener_fd_));
        loop_.watch(listener_->fd(), EPOLLIN, [this] { serve(); });
        is_watched_ = true;
    } catch (const SystemError& error) {
        if (error.error_number() == ESRCH) return;
        if (error.error_number() == EBADF) {
            retry_.set(monotonic_ns() + patience_ns_);
            patience_ns_ = std::min(2 * patience_ns_, kMostPatienceNs);
            return;
        }
        return hooks_.on_failed(
            {.step = sandbox::Step::kSeccomp,
             .error_number = error.error_number(),
             .call = error.call(),
             .message = concat("nobody can listen to the filter: ", error.what()),
             .hint = "it takes Linux 5.6, and kernel.yama.ptrace_scope below 3; without a listener "
                     "there is no --explain-denied"});
    }
    hooks_.on_taken();
}

void CallListener::serve() {
    const std::int64_t began_ns = thread_cpu_ns();
    int heard = 0;
    try {
        while (heard < kCallsPerTurn && due_.size() < kMostDue) {
            const auto call = listener_->receive();
            if (!call) break;
            ++heard;
            hear(*call);
        }
        if (heard == 0 && listener_->is_unused()) return stop();
        if (!rest_.is_set()) answer_all();
        if (due_.size() >= kMostDue) loop_.change(listener_->fd(), 0);
    } catch (const Error& error) {
        // Closed, it has every call that waits fail with ENOSYS: nobody hangs.
        stop();
        listener_.reset();
        return hooks_.on_failed({.step = sandbox::Step::kSeccomp, .message = error.what()});
    }
    budget_.spend(thread_cpu_ns() - began_ns, monotonic_ns());
}

void CallListener::hear(const kernel::WaitingCall& call) {
    const std::uint32_t outcome = seccomp::run_filter(filter_, call.call);
    due_.push_back({.id = call.id, .outcome = outcome});
    hooks_.told(call.call, outcome);
}

/// Later, where too much was done lately.
void CallListener::answer_all() {
    const std::int64_t now_ns = monotonic_ns();
    const std::int64_t wait_ns = hooks_.is_trusted ? 0 : budget_.wait_ns(now_ns);
    if (wait_ns > 0) return rest_.set(now_ns + wait_ns);
    while (!due_.empty()) {
        const Answer answer = due_.front();
        due_.pop_front();
        give(answer);
    }
    if (is_watched_) loop_.change(listener_->fd(), EPOLLIN);
}

void CallListener::give(const Answer& answer) const {
    if (is_refusal(answer.outcome)) {
        const std::uint32_t error_number = answer.outcome & SECCOMP_RET_DATA;
        listener_->answer(answer.id, static_cast<int>(std::min(error_number, kMaxErrno)));
    } else if (hooks_.is_trusted) {
        // Decided by registers, which the kernel has copied: nothing can have changed.
        listener_->let_through(answer.id);
    } else {
        // Only refusals are handed over. Whatever else this is, it is not for a job to have.
        listener_->answer(answer.id, EPERM);
    }
}

void CallListener::stop() {
    rest_.unset();
    if (!is_watched_) return;
    is_watched_ = false;
    loop_.forget(listener_->fd());
}

}  // namespace vitrine::runtime
