// `vitrine profile`: seccomp profiles shown, counted, compared, checked, compiled and explained.
#pragma once

#include <span>
#include <string>

namespace vitrine::cli {

/// Runs the verb with the words after it; returns the exit code: 1 when `check` found something
/// wrong, 125 for wrong usage or a profile that cannot be read.
int profile_command(std::span<const std::string> words);

}  // namespace vitrine::cli
