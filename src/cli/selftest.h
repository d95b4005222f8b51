// `vitrine selftest`: does each layer hold here?
#pragma once

#include <span>
#include <string>

namespace vitrine::cli {

/// Returns the exit code: 0, 1 when a layer does not hold, 125.
int selftest_command(std::span<const std::string> words);

}  // namespace vitrine::cli
