// `vitrine run --repeat`.
#pragma once

#include <string>

#include "base/log.h"
#include "cli/run_options.h"

namespace vitrine::cli {

/// Runs the job as often as it says, one run after the other, each forked from the same warm
/// interpreter into a fresh sandbox. Returns the exit code of the first that failed, or 0. Throws
/// an Error when the results cannot be written.
int run_repeatedly(const ParsedRun& parsed, const std::string& profiles, const Log& log);

}  // namespace vitrine::cli
