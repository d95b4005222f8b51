// The flags that set a job's limits, as one table: the command line and the lines of a batch read
// the same.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vitrine/job.h"

namespace vitrine::cli {

struct LimitFlag {
    const char* names;  ///< As CLI11 takes them: `-m,--memory`.
    const char* name;   ///< The long one without dashes: `memory`.
    const char* placeholder;
    const char* help;
    bool may_repeat;
    void (*set)(Limits& limits, const std::string& text);  ///< Throws UsageError.
};

/// In the order in which they must be set: --memory-swap says something about --memory.
std::span<const LimitFlag> limit_flags();

/// Their long names without dashes.
std::vector<std::string> limit_names();

}  // namespace vitrine::cli
