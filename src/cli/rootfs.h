// The verb `rootfs`.
#pragma once

#include <span>
#include <string>

namespace vitrine::cli {

/// `vitrine rootfs build`: returns the exit code.
int rootfs_command(std::span<const std::string> words);

}  // namespace vitrine::cli
