// Reading the program that a verb is called with.
#pragma once

#include <optional>
#include <string>

#include "runtime/run.h"
#include "vitrine/job.h"

namespace vitrine::cli {

/// The script cannot be had: which of the contract's exit codes says so, and why.
struct SourceProblem {
    bool is_missing = false;  ///< 127; otherwise it is refused: 126.
    std::string rule;
    std::string message;
};

/// Reads `fd` to its end. What keeps it from being read is an answer, not a wrong call.
std::optional<SourceProblem> read_source(int fd, const std::string& name, Source& source);
/// The same for a file.
std::optional<SourceProblem> read_script(const std::string& path, Source& source);
/// The same for nothing but a regular file: a batch does not wait for what may never come.
std::optional<SourceProblem> read_regular_script(const std::string& path, Source& source);

/// What `run` and `batch` answer for a job whose script cannot be had.
runtime::RunReport answer_to(const SourceProblem& problem, const std::string& id);

}  // namespace vitrine::cli
