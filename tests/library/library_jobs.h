// Jobs for a Runtime, and the process that supervises them.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "vitrine/runtime.h"

namespace vitrine::test {

/// A job without a policy, of ten seconds.
Job job_of(const std::string& code, const std::string& id = "");

/// What became of a job, for messages.
std::string described(const Result& result);

/// Supervisors that were started for the process `host`; waits a moment for the first.
std::vector<pid_t> supervisors_of(pid_t host);

/// Waits until a file is there; false when it is not after ten seconds.
bool appears(const std::string& path);

}  // namespace vitrine::test
