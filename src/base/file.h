// Small files, and where this program's own files are.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace vitrine {

/// The whole of a regular file or a kernel file (`/proc`, `/sys`). Throws SystemError naming the
/// path, or Error when it is larger than `max_bytes` or a directory.
std::string read_file(const std::string& path, std::size_t max_bytes);

/// Writes `content` to an existing kernel file in one write(2). Throws SystemError naming the path.
void write_kernel_file(const std::string& path, std::string_view content);

/// Writes `content` to `path` as OutputFile does.
void replace_file(const std::string& path, std::string_view content);

/// The directory this program's executable is in.
std::string executable_directory();

}  // namespace vitrine
