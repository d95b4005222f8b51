#include "runtime/tracee.h"

#include <sstream>
#include <string>

#include "base/error.h"
#include "base/file.h"

namespace vitrine::runtime {

namespace {

constexpr std::size_t kMaxStatus = 65536;

struct Status {
    char state = 'X';
    pid_t tracer = 0;
    std::uint64_t switches = 0;  ///< How often it went to sleep, or was stopped.
};

/// Of a process that is gone: nothing.
Status read_status(pid_t pid) {
    Status status;
    std::string text;
    try {
        text = read_file(concat("/proc/", pid, "/status"), kMaxStatus);
    } catch (const Error&) {
        return status;
    }
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string key;
        words >> key;
        if (key == "State:") words >> status.state;
        if (key == "TracerPid:") words >> status.tracer;
        if (key == "voluntary_ctxt_switches:") words >> status.switches;
    }
    return status;
}

}  // namespace

void Tracee::look() {
    const Status now = read_status(pid_);
    const bool sleeps = now.state == 'S';
    tracer_ = now.tracer;
    if (!is_settled_) {
        is_settled_ = sleeps;
        settled_switches_ = now.switches;
        return;
    }
    was_stopped_ = sleeps && now.switches > settled_switches_;
}

}  // namespace vitrine::runtime
