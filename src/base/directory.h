// The names in a directory.
#pragma once

#include <string>
#include <vector>

namespace vitrine {

/// All names but `.` and `..`, in no order; none when the directory cannot be read. For kernel
/// directories, which come and go: a missing one is an answer, not an error.
std::vector<std::string> names_in(const std::string& directory);

}  // namespace vitrine
