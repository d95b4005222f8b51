// The builtins that python3 owes to its site module, which is not imported here.
#pragma once

#include <array>
#include <string_view>

#include "python/api.h"

namespace vitrine::python {

/// Binds `exit`, `quit`, `copyright` and `help` in builtins, for a source that uses one of them:
/// the module they come from costs a start more than most programs do. Throws Error.
void bind_site_builtins(const Api& api, std::string_view source);

/// Their names.
std::array<const char*, 4> site_builtin_names();

}  // namespace vitrine::python
