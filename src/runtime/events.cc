#include "runtime/events.h"

#include <poll.h>
#include <unistd.h>

#include <string>

#include "base/error.h"

namespace vitrine::runtime {

namespace {

constexpr int kPatienceMs = 1000;

}  // namespace

void send_event(int status_fd, const char* name, std::int64_t value) {
    if (status_fd < 0) return;
    const std::string line = concat("{\"", name, "\": ", value, "}\n");
    pollfd event{status_fd, POLLOUT, 0};
    // With room for it, so short a line is written whole and at once.
    if (::poll(&event, 1, kPatienceMs) == 1) (void)!::write(status_fd, line.data(), line.size());
}

}  // namespace vitrine::runtime
