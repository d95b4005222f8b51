// Jobs through an engine in the test's own process.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/engine.h"

namespace vitrine::test {

enum class Kind { kCold, kWarm };

/// Options for the build's own profiles.
runtime::EngineOptions engine_options(Kind kind, unsigned workers = 2);

/// A job of the build's minimal rootfs, without layer 1, with ten seconds of time.
Job job_of(const std::string& code, const std::string& id = "job");

/// Turns the engine until everything submitted is answered, a minute at most.
void run_dry(runtime::Engine& engine);

/// What the engine answers to one job.
runtime::RunReport run_one(runtime::Engine& engine, Job job);

/// Submits all at once; the answers by id, in the order they came.
std::map<std::string, std::vector<runtime::RunReport>> run_all(runtime::Engine& engine,
                                                               std::vector<Job> jobs);

}  // namespace vitrine::test
