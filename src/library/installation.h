// Where the library is, and what was installed with it.
#pragma once

#include <string>

namespace vitrine::library {

/// The `vitrine` executable: beside the library in a build tree, at its place from there when
/// installed, wherever the whole has been moved. Empty when it is in neither.
std::string find_program();

}  // namespace vitrine::library
