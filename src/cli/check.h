// `vitrine check`: layer 1 alone.
#pragma once

#include <span>
#include <string>

namespace vitrine::cli {

/// Runs the verb with the words after it. 0: clean; 126: findings; 127: a file is missing; 125:
/// wrong usage, or no sandbox to check in.
int check_command(std::span<const std::string> words);

}  // namespace vitrine::cli
