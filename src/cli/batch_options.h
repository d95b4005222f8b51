// The flags of `vitrine batch`.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "cli/job_flags.h"
#include "cli/job_line.h"
#include "runtime/engine.h"

namespace vitrine::cli {

/// One call of `vitrine batch`.
struct BatchRequest {
    JobDefaults defaults;
    std::string input;                ///< A file of lines, a directory, a script, or `-`.
    std::optional<std::string> each;  ///< Lines of arguments; then `input` is the one script.
    std::optional<std::string> output;
    std::optional<std::string> resume;
    std::optional<std::string> report;
    unsigned workers = 1;
    bool is_ordered = false;
    bool fails_fast = false;
    bool is_cold = false;
    bool has_fresh_networks = false;
    runtime::Preload preload;
    std::optional<runtime::StraceOptions> strace;  ///< Its file is a directory.
    Voice voice;
};

/// Parses the words after `batch`; empty when they only ask for `help`, which is then set. Throws
/// UsageError, or SystemError for a preload script that cannot be read.
std::optional<BatchRequest> parse_batch(std::span<const std::string> words,
                                        const std::string& default_rootfs, std::string& help);

}  // namespace vitrine::cli
