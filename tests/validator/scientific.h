// The root with numpy and pandas in it, and an interpreter started from it.
#pragma once

#include <string>

#include "python/interpreter.h"
#include "python/policy.h"

namespace vitrine::test {

/// Built at the first call, below the system's temporary directory; removed when the process ends.
/// Throws Error with what `vitrine rootfs build` said when it cannot be built.
const std::string& scientific_rootfs();

/// Started at the first call, with numpy and pandas imported: a forked copy has them at once.
const python::Interpreter& scientific_interpreter();

/// The built-in policy that runs use by default.
const python::Policy& default_policy();

}  // namespace vitrine::test
