// Programs of the host that help to make a rootfs.
#pragma once

#include <string>
#include <vector>

#include "kernel/process.h"

namespace vitrine::rootfs {

/// Whether PATH has a program `name`.
bool is_in_path(const std::string& name);

/// Starts `words`, looked for in PATH unless it has a slash, with stdout in `output_fd`; stdin and
/// stderr are the caller's. `scratch` is its TMPDIR; empty for ours. It is killed when we die.
kernel::Cloned start_program(std::vector<std::string> words, int output_fd,
                             const std::string& scratch = {});

/// Waits for its end. Throws Error, saying how it ended, unless that was well.
void await_success(const kernel::Cloned& child, const std::string& name);

}  // namespace vitrine::rootfs
