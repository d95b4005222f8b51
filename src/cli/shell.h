// The verb `shell`.
#pragma once

#include <span>
#include <string>

namespace vitrine::cli {

/// `vitrine shell`: returns the exit code.
int shell_command(std::span<const std::string> words);

}  // namespace vitrine::cli
