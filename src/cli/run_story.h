// A run told to people: --verbose and --timings of `vitrine run`.
#pragma once

#include "base/log.h"
#include "runtime/run.h"
#include "vitrine/job.h"

namespace vitrine::cli {

/// What happened when, a line a step.
void tell_story(const Log& log, const runtime::RunReport& report);

/// What the job ran with, and what it used.
void tell_sandbox(const Log& log, const Job& job, const Result& result);

/// `timings_us` with what each of its values means.
void tell_timings(const Log& log, const Timings& timings);

}  // namespace vitrine::cli
