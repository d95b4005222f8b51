#include "cli/run_debugger.h"

#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "runtime/events.h"

namespace vitrine::cli {

namespace {

/// Ours to read from: in the background a look at it would stop us.
bool is_terminal_of_ours(int fd) {
    return ::isatty(fd) != 0 && ::tcgetpgrp(fd) == ::getpgrp();
}

void tell_waiting(const RunRequest& request, pid_t payload, bool has_terminal) {
    const Log log(request.voice.level, request.voice.format);
    log.info(concat("the program is process ", payload,
                    " and waits before its first line; attach to it: gdb -p ", payload,
                    ", or with its symbols: gdb -iex 'set sysroot /proc/", payload, "/root' /proc/",
                    payload, "/exe ", payload));
    log.info(concat("it goes on when the debugger lets it", has_terminal ? ", by Enter here" : "",
                    ", or by: kill -USR1 ", ::getpid()));
    runtime::send_event(request.status_fd, "waiting-pid", payload);
}

}  // namespace

std::optional<runtime::DebuggerOptions> debugger_options(const RunRequest& request) {
    if (!request.waits_for_debugger) return std::nullopt;
    const bool has_terminal = request.job.stdin_path != "-" && is_terminal_of_ours(STDIN_FILENO);
    return runtime::DebuggerOptions{
        .on_waiting = [&request, has_terminal](
                          pid_t payload) { tell_waiting(request, payload, has_terminal); },
        .line_fd = has_terminal ? STDIN_FILENO : -1};
}

}  // namespace vitrine::cli
