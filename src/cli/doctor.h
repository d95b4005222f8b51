// `vitrine doctor`: can it run here, and if not, why?
#pragma once

#include <span>
#include <string>

namespace vitrine::cli {

/// Returns the exit code: 0, 1 when something failed, 125.
int doctor_command(std::span<const std::string> words);

}  // namespace vitrine::cli
