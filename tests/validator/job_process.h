// One program in a forked copy of the test's interpreter: the way of a payload, without a sandbox.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "python/interpreter.h"
#include "python/program.h"
#include "vitrine/result.h"

namespace vitrine::test {

struct JobOutcome {
    std::vector<Finding> findings;
    bool accepted = false;
    int exit_code = -1;  ///< 128+N when it ended by signal N.
    std::string out;
    std::string err;
};

struct JobBounds {
    std::chrono::seconds patience{30};                  ///< Killed after it; times time_scale().
    std::uint64_t max_output = std::uint64_t{1} << 20;  ///< Of each stream, and of any file.
};

/// Validates and runs `program` in a child of this process, which must be single-threaded. Throws
/// SystemError when the child cannot be had.
JobOutcome run_job(const python::Interpreter& interpreter, const python::Program& program,
                   const JobBounds& bounds = {});

/// Runs `program` as if the walk had found nothing: the run-time half of layer 1 is on its own.
JobOutcome run_guarded(const python::Interpreter& interpreter, const python::Program& program);

/// `line:column rule: message`, one a line.
std::string described(const std::vector<Finding>& findings);

}  // namespace vitrine::test
