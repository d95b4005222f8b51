// Policies as JSON files. The supervisor's business: what enters a sandbox is the Policy.
#pragma once

#include <string>
#include <vector>

#include "python/policy.h"

namespace vitrine::python {

/// Loads `name_or_path`: `off`, a built-in name (`DIRECTORY/NAME.json`), or, with a `/` in it, a
/// file. A file may extend a built-in policy. Every key is checked; throws UsageError naming the
/// place, or listing the built-in names.
Policy load_policy(const std::string& name_or_path, const std::string& policies_directory);

/// The built-in policies, sorted; `off` is not a file and not among them.
std::vector<std::string> built_in_policies(const std::string& policies_directory);

}  // namespace vitrine::python
