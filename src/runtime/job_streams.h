// The three streams of a job on an event loop: what it writes is captured and forwarded, what it
// reads is fed to it.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "runtime/event_loop.h"
#include "runtime/output.h"

namespace vitrine::runtime {

/// stdout or stderr of a job. Borrows its loop.
class OutputStream {
  public:
    /// `target_fd`, borrowed, gets the output as it comes; -1 is nowhere. `on_overflow` is called
    /// after every read beyond the limit.
    /// A screen is shown whole, however much of it is kept.
    OutputStream(EventLoop& loop, UniqueFd pipe, int target_fd, const Limits& limits,
                 std::function<void()> on_overflow, Shown shown = Shown::kText);
    ~OutputStream();
    OutputStream(const OutputStream&) = delete;
    OutputStream& operator=(const OutputStream&) = delete;

    /// Reads once, if there is anything.
    void look() {
        if (pipe_) pump();
    }
    /// Reads what is left, when nobody is left who writes; whoever might still hold the other end
    /// is not waited for. `on_handed_on` is called, perhaps at once, when the caller has taken all
    /// of it, or drop() was called.
    void finish(std::function<void()> on_handed_on);
    /// The caller gets nothing more.
    void drop();

    /// Reads some more. True when that was all: nobody holds the job's end any more.
    bool comes_to_end();
    const Capture& capture() const noexcept { return capture_; }

  private:
    void pump();
    bool read_once();
    void forward();
    /// Waits for what can be done: reading while there is room, writing while there is something.
    void arm();

    EventLoop& loop_;
    UniqueFd pipe_;
    Shown shown_;
    Capture capture_;
    Forwarder forwarder_;
    int watched_target_fd_;
    std::function<void()> on_overflow_;
    std::function<void()> on_handed_on_;
};

/// stdin of a job: `source_fd`, borrowed, is pumped into `pipe` until either end closes. Borrows
/// its loop.
class InputStream {
  public:
    /// `on_input` is shown what was read before it is handed on.
    InputStream(EventLoop& loop, UniqueFd pipe, int source_fd,
                std::function<void(std::string_view)> on_input = {});
    ~InputStream();
    InputStream(const InputStream&) = delete;
    InputStream& operator=(const InputStream&) = delete;

  private:
    void read_source();
    void feed();
    void close();

    EventLoop& loop_;
    UniqueFd pipe_;
    int source_fd_;
    std::function<void(std::string_view)> on_input_;
    std::string pending_;
};

}  // namespace vitrine::runtime
