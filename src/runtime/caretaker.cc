#include "runtime/caretaker.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>

#include "base/clock.h"
#include "base/error.h"
#include "kernel/process.h"
#include "runtime/signals.h"

namespace vitrine::runtime {

namespace {

/// Until what was killed is gone; longer only if the kernel cannot end it.
constexpr auto kGrace = std::chrono::seconds(10);
constexpr int kLook = 20;  ///< Milliseconds.
constexpr int kBySignal = 128;

/// The child's end; signals that come meanwhile are handed on. `last` is the last of them.
kernel::Ended await(const kernel::Cloned& child, const EndSignals& signals, int& last) {
    std::array<pollfd, 2> waits{{{.fd = child.pidfd.get(), .events = POLLIN, .revents = 0},
                                 {.fd = signals.fd(), .events = POLLIN, .revents = 0}}};
    for (;;) {
        (void)::poll(waits.data(), waits.size(), -1);
        while (const int signal = signals.take()) {
            last = signal;
            kernel::send_signal(child.pidfd.get(), signal);
        }
        if (const auto ended = kernel::try_wait_for(child.pidfd.get())) return *ended;
    }
}

void reap_all() {
    while (::waitpid(-1, nullptr, WNOHANG | __WALL) > 0) {
    }
}

/// What the child had started is ours now, and what that had started will be. What they leave is
/// cleaned up by us, so nobody is asked to: mmdebstrap would not listen.
void end_orphans() {
    const auto deadline = Clock::now() + kGrace;
    for (;;) {
        reap_all();
        const auto orphans = kernel::children_of(::getpid());
        if (orphans.empty() || Clock::now() >= deadline) return;
        for (const pid_t orphan : orphans)
            (void)::kill(orphan, SIGKILL);
        (void)::poll(nullptr, 0, kLook);
    }
}

}  // namespace

std::optional<int> leave_to_child(const std::function<void()>& clean_up) {
    const EndSignals signals;
    check(::prctl(PR_SET_CHILD_SUBREAPER, 1), "taking care of orphans", "prctl");
    const kernel::Cloned child = kernel::clone_process({.flags = 0, .exit_signal = SIGCHLD});
    if (child.pid == 0) {
        kernel::die_with_parent();
        return {};
    }
    int signal = 0;
    const kernel::Ended ended = await(child, signals, signal);
    end_orphans();
    const bool is_done = !ended.by_signal && (ended.code == 0 || signal == 0);
    if (is_done) return ended.code;
    clean_up();
    return kBySignal + (ended.by_signal ? ended.code : signal);
}

}  // namespace vitrine::runtime
