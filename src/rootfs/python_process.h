// Asking a Python of the host, from its own mouth.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace vitrine::rootfs {

/// Runs `script` with the interpreter `executable`, isolated and without `site`, and returns what
/// it prints. Its stderr is ours. Throws UsageError when there is no such interpreter, Error when
/// it does not exit with 0.
std::string run_python(const std::string& executable, std::string_view script,
                       const std::vector<std::string>& arguments);

}  // namespace vitrine::rootfs
