#include "runtime/debugger.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "sandbox/report.h"

namespace vitrine::runtime {

namespace {

constexpr std::int64_t kLookNs = 20'000'000;
/// A debugger that attaches may let its process run for a moment before it shows its prompt.
constexpr int kQuietLooks = 5;

}  // namespace

DebuggerWait::DebuggerWait(const RunContext& context, DebuggerOptions options, HolderHooks hooks)
    : loop_(context.loop),
      options_(std::move(options)),
      hooks_(std::move(hooks)),
      alarm_(context.loop, [this] { look(); }) {}

void DebuggerWait::hold(pid_t payload) {
    payload_ = payload;
    tracee_ = Tracee(payload);
    is_waiting_ = true;
    look();
}

void DebuggerWait::look() {
    tracee_.look();
    if (tracee_.is_settled() && !std::exchange(was_told_, true)) tell();
    was_traced_ = was_traced_ || tracee_.tracer() != 0;
    quiet_looks_ = was_traced_ && tracee_.was_stopped() ? quiet_looks_ + 1 : 0;
    if (quiet_looks_ >= kQuietLooks) return let_go();
    alarm_.set(sandbox::monotonic_ns() + kLookNs);
}

/// From here on a line is an answer.
void DebuggerWait::tell() {
    options_.on_waiting(payload_);
    if (options_.line_fd >= 0) loop_.watch(options_.line_fd, EPOLLIN, [this] { take_line(); });
}

void DebuggerWait::take_line() {
    std::array<char, 4096> line;
    const ssize_t got = ::read(options_.line_fd, line.data(), line.size());
    if (got > 0) return let_go();
    // Its end, or a terminal that is gone: no line will come from there.
    if (got == 0 || (errno != EAGAIN && errno != EINTR)) loop_.forget(options_.line_fd);
}

void DebuggerWait::let_go() {
    if (!is_waiting_) return;
    stop();
    hooks_.on_open();
}

void DebuggerWait::stop() {
    if (!std::exchange(is_waiting_, false)) return;
    alarm_.unset();
    if (options_.line_fd >= 0) loop_.forget(options_.line_fd);
}

}  // namespace vitrine::runtime
