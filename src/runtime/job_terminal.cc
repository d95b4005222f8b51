#include "runtime/job_terminal.h"

#include "base/error.h"
#include "sandbox/report.h"

namespace vitrine::runtime {

namespace {

constexpr char kEscapeKey = '\x1d';
constexpr int kEscapePresses = 3;
constexpr std::int64_t kEscapeWindowNs = 1'000'000'000;

}  // namespace

bool EscapeKey::feed(std::string_view keys, std::int64_t now_ns) {
    for (const char key : keys) {
        if (key != kEscapeKey) {
            count_ = 0;
            continue;
        }
        if (count_ == 0 || now_ns - first_ns_ > kEscapeWindowNs) {
            count_ = 0;
            first_ns_ = now_ns;
        }
        if (++count_ == kEscapePresses) return true;
    }
    return false;
}

JobTerminal::JobTerminal(sandbox::Terminal ends, int caller_fd)
    : ends_(std::move(ends)), caller_fd_(caller_fd), raw_(caller_fd) {
    kernel::set_utf8_input(ends_.slave.get());
    follow_window();
}

void JobTerminal::follow_window() const {
    kernel::set_window_size(ends_.master.get(), kernel::window_size(caller_fd_));
}

/// A session leader whose terminal is hung up is told so by SIGHUP, and sent SIGCONT to hear of it.
void JobTerminal::resume() const {
    try {
        raw_.renew();
    } catch (const SystemError&) {
        return;  // Gone: there is nothing to be made raw, nor a window to follow.
    }
    follow_window();
}

bool JobTerminal::is_escape(std::string_view keys) {
    return escape_.feed(keys, sandbox::monotonic_ns());
}

}  // namespace vitrine::runtime
