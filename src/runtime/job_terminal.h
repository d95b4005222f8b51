// The supervisor's end of a job's pseudo-terminal, tied to the caller's own terminal.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/fd.h"
#include "kernel/terminal.h"
#include "sandbox/mounts.h"

namespace vitrine::runtime {

/// Notices Ctrl-], three times within a second: the way out of a job that listens to no key.
class EscapeKey {
  public:
    /// Takes what was typed at `now_ns`. True when it is time to leave.
    bool feed(std::string_view keys, std::int64_t now_ns);

  private:
    int count_ = 0;
    std::int64_t first_ns_ = 0;
};

/// The caller's terminal is raw while this lives, and the job's window is as large as its.
class JobTerminal {
  public:
    /// `caller_fd` is borrowed, and a terminal. Throws SystemError.
    JobTerminal(sandbox::Terminal ends, int caller_fd);

    /// A second descriptor for the master.
    UniqueFd master() const { return duplicate(ends_.master.get()); }
    /// The caller's window may have another size now.
    void follow_window() const;
    /// This process was stopped, and somebody may have used the terminal meanwhile. One that is
    /// gone is not an error.
    void resume() const;
    bool is_escape(std::string_view keys);

  private:
    /// The slave is held open, so that a job that closes its own is not taken for gone.
    sandbox::Terminal ends_;
    int caller_fd_;
    EscapeKey escape_;
    kernel::RawTerminal raw_;
};

}  // namespace vitrine::runtime
