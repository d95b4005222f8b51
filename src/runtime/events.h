// Events of a run for whoever listens: `--json-status-fd`.
#pragma once

#include <cstdint>

namespace vitrine::runtime {

/// Writes `{"NAME": VALUE}` as one line to `status_fd`; -1 is nobody. Never fails and never waits
/// for long: a listener that is gone, or has stopped reading, goes without.
void send_event(int status_fd, const char* name, std::int64_t value);

}  // namespace vitrine::runtime
