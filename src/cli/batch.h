// `vitrine batch`.
#pragma once

#include <span>
#include <string>

namespace vitrine::cli {

/// Runs the verb with the words that follow it; returns the exit code.
int batch_command(std::span<const std::string> words);

}  // namespace vitrine::cli
