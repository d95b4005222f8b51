// A process at its gate, as /proc/PID/status shows it while a tracer comes. proc(5), ptrace(2).
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace vitrine::runtime {

/// Tells when a tracer has a process for good. That it is named as TracerPid is not enough: it may
/// not have stopped the process yet, which would run on unseen. A process at its gate sleeps, and
/// nothing but a stop wakes it: once it has been awake, and sleeps again, it was stopped by its
/// tracer and told to go on.
class Tracee {
  public:
    explicit Tracee(pid_t pid) : pid_(pid) {}

    /// Looks at the process. Its state changes when it pleases: whoever waits looks again.
    void look();

    /// It sleeps at its gate; from the first look that finds it so on, stops are noticed.
    bool is_settled() const noexcept { return is_settled_; }
    /// Who traces it, or 0.
    pid_t tracer() const noexcept { return tracer_; }
    /// It has been stopped since it settled, and goes on: it is as if it slept.
    bool was_stopped() const noexcept { return was_stopped_; }

  private:
    pid_t pid_;
    pid_t tracer_ = 0;
    std::uint64_t settled_switches_ = 0;
    bool is_settled_ = false;
    bool was_stopped_ = false;
};

}  // namespace vitrine::runtime
