// The supervisor's end of a filter that hands calls over: each is answered as the filter itself
// would have decided, and told of.
//
// A job can make calls as fast as it likes, so what answering costs is bounded: a few calls a turn
// of the loop, and no more than a share of one CPU. Beyond that the callers wait. They wait for the
// answer, not to be heard: a call that was received is not interrupted by signals any more. Only
// where very many are due are further ones not heard either.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>

#include "kernel/seccomp.h"
#include "runtime/event_loop.h"
#include "sandbox/steps.h"
#include "seccomp/program.h"

namespace vitrine::runtime {

/// CPU time that may be spent, by and by: a share of the time that passes, and so much of it saved
/// up at most.
class CpuBudget {
  public:
    void spend(std::int64_t spent_ns, std::int64_t now_ns);
    /// How long until there is some again; 0 where there is.
    std::int64_t wait_ns(std::int64_t now_ns);

  private:
    void earn(std::int64_t now_ns);

    std::int64_t left_ns_ = 0;
    std::int64_t earned_until_ns_ = 0;
};

class CallListener {
  public:
    /// Told of every call with what the filter decides of it: a SECCOMP_RET_* value.
    using Told = std::function<void(const seccomp_data& call, std::uint32_t outcome)>;

    struct Hooks {
        Told told;
        /// The listener is ours.
        std::function<void()> on_taken;
        /// It never will be: the payload still waits, and must be ended.
        std::function<void(const sandbox::Failure&)> on_failed;
        /// The program is the caller's own and nobody else's: it is answered as fast as can be.
        bool is_trusted = false;
    };

    /// `filter` is what the payload's was made from, by seccomp::notifying. Borrows the loop.
    CallListener(EventLoop& loop, seccomp::Program filter, Hooks hooks);
    ~CallListener();
    CallListener(const CallListener&) = delete;
    CallListener& operator=(const CallListener&) = delete;

    /// Takes descriptor `listener_fd` of the payload as soon as it is there. `payload_pidfd` must
    /// outlive this.
    void take_from(int payload_pidfd, int listener_fd);
    bool is_taken() const { return listener_.has_value(); }

  private:
    struct Answer {
        std::uint64_t id = 0;
        std::uint32_t outcome = 0;
    };

    void try_to_take();
    void serve();
    void hear(const kernel::WaitingCall& call);
    void answer_all();
    void give(const Answer& answer) const;
    void stop();

    EventLoop& loop_;
    seccomp::Program filter_;
    Hooks hooks_;
    int payload_pidfd_ = -1;
    int listener_fd_ = -1;  ///< In the payload.
    std::int64_t patience_ns_ = 0;
    Alarm retry_;
    std::optional<kernel::Listener> listener_;
    bool is_watched_ = false;
    std::deque<Answer> due_;  ///< Bounded: what is beyond waits to be heard.
    CpuBudget budget_;
    Alarm rest_;
};

}  // namespace vitrine::runtime
