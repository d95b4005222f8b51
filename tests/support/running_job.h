// A vitrine left running, and the host's view of its job.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/fd.h"

namespace vitrine::test {

/// Not waited for: that is the test's.
struct RunningJob {
    pid_t supervisor = -1;
    UniqueFd status;  ///< --json-status-fd
    UniqueFd output;
    pid_t payload = -1;
};

/// Starts `vitrine run --no-validate FLAGS... -c CODE` and returns once its program may start.
RunningJob start_job(const std::string& code, const std::vector<std::string>& flags = {});

/// The same for `vitrine run FLAGS-AND-WORDS...`.
RunningJob start_words(const std::vector<std::string>& words);

/// Waits for the job's first line of output: it does run. False when it ended without one.
bool await_line(const RunningJob& job);

/// Waits for the supervisor: its exit code, or 128+N.
int await_end(const RunningJob& job);

/// The host pids of the job's processes, by its pid namespace.
std::vector<pid_t> processes_of(pid_t payload);

/// A zombie is gone: whoever has become its parent is no concern of ours.
bool exists(pid_t pid);

/// False when it still lives after two seconds.
bool vanishes(pid_t pid);

}  // namespace vitrine::test
