// A command of the rootfs as its payload is told of it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace vitrine::runtime {

/// `words`: the command, a name to be looked for in the job's PATH or a path, and its arguments.
std::string encode_command(const std::vector<std::string>& words);
/// Throws Error on bytes that do not fit.
std::vector<std::string> decode_command(std::string_view bytes);

}  // namespace vitrine::runtime
