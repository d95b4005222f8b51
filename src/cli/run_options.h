// The flags of `vitrine run`, parsed into a complete Job.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "cli/job_flags.h"
#include "cli/source_file.h"
#include "runtime/hold_options.h"
#include "vitrine/job.h"

namespace vitrine::cli {

/// One call of `vitrine run`.
struct RunRequest {
    Job job;
    std::optional<std::string> result_path;  ///< `-` for stdout.
    int status_fd = -1;
    std::uint64_t repeat = 0;  ///< Warm runs one after the other; 0: one, cold.
    bool tells_timings = false;
    std::optional<runtime::StraceOptions> strace;
    bool waits_for_debugger = false;
    Voice voice;
};

/// What the words after `run` ask for: a request, a problem with its script, or just the help.
struct ParsedRun {
    RunRequest request;
    std::optional<SourceProblem> problem;
    std::string help;  ///< Not empty: print this and be done.
};

/// Parses the words after `run`. Throws UsageError for a flag, a value or a path that will not
/// do; `default_rootfs` is used where the flags name none.
ParsedRun parse_run(std::span<const std::string> words, const std::string& default_rootfs);

/// Who waits for an answer to a call of `vitrine run`.
struct Listeners {
    std::optional<std::string> result_path;
    int status_fd = -1;
};

/// Makes them out in words that could not be parsed. Looks no further than the program's name:
/// what follows is the program's. Never throws a UsageError.
Listeners find_listeners(std::span<const std::string> words);

}  // namespace vitrine::cli
