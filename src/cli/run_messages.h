// What `vitrine run` says about a run on stderr.
#pragma once

#include "base/log.h"
#include "cli/run_options.h"
#include "runtime/run.h"

namespace vitrine::cli {

/// Warnings, findings, how the run ended if not by itself, and what it returned.
void tell_run(const Log& log, const ParsedRun& parsed, const runtime::RunReport& report);

}  // namespace vitrine::cli
