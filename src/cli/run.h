// The verb `run`.
#pragma once

#include <span>
#include <string>

namespace vitrine::cli {

/// `vitrine run`: returns the exit code.
int run_command(std::span<const std::string> words);

}  // namespace vitrine::cli
