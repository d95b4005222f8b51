// One output stream of a job on its way out: capped, kept for the result, forwarded to the caller.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "runtime/screen_filter.h"
#include "vitrine/job.h"
#include "vitrine/result.h"

namespace vitrine::runtime {

/// Keeps the head, the tail or both of a stream in bounded memory.
class Capture {
  public:
    /// At most `max_bytes` are kept. Of both, the tail gets a quarter of them, 64 KiB at most.
    explicit Capture(std::uint64_t max_bytes, OutputKeep keep = OutputKeep::kBoth);

    /// Takes the next bytes. Returns the part of them that belongs to the head and may be shown at
    /// once; the rest shows, if ever, in tail().
    std::string_view feed(std::string_view bytes);

    std::uint64_t bytes_total() const noexcept { return total_; }
    bool is_over_limit() const noexcept { return total_ > max_bytes_; }

    /// What follows the head, with the line that says what is left out.
    std::string tail() const;
    Output output() const;

  private:
    std::uint64_t max_bytes_;
    std::uint64_t head_limit_;
    std::uint64_t tail_limit_;
    std::string head_;
    std::string tail_;
    std::uint64_t total_ = 0;
};

/// Makes control characters visible, but for tab, newline and carriage return: an escape sequence
/// of a job's must not reach a terminal. Keeps state between calls.
class TerminalFilter {
  public:
    std::string filter(std::string_view bytes);

  private:
    bool after_c2_ = false;  // UTF-8 lead byte of U+0080–U+00BF, the C1 controls among them.
};

/// How a job's output is shown where it goes to a terminal.
enum class Shown {
    kText,    ///< Control characters are made visible.
    kScreen,  ///< The job has a terminal of its own, and may paint: see ScreenFilter.
};

/// Writes a job's output to one of our own descriptors without ever blocking the supervisor.
class Forwarder {
  public:
    /// `target_fd` -1 drops everything. A terminal gets filtered output.
    explicit Forwarder(int target_fd, Shown shown = Shown::kText);

    void push(std::string_view bytes);
    /// Nothing more will be pushed: the terminal is left as it was found.
    void finish();
    /// Nothing more should be read from the job until this is false again.
    bool is_full() const noexcept { return pending_.size() >= kMaxPending; }
    bool has_pending() const noexcept { return !pending_.empty(); }
    int target_fd() const noexcept { return target_fd_; }
    /// Writes a piece small enough not to block; call when poll(2) says POLLOUT.
    void write_some();
    /// Forgets what is pending and takes nothing more.
    void drop();

  private:
    static constexpr std::size_t kMaxPending = 65536;

    int target_fd_;
    bool is_terminal_ = false;
    Shown shown_;
    TerminalFilter filter_;
    ScreenFilter screen_;
    std::string pending_;
};

}  // namespace vitrine::runtime
