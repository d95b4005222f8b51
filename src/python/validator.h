// Layer 1: a program's syntax tree against a policy.
#pragma once

#include <string_view>
#include <vector>

#include "python/api.h"
#include "python/policy.h"
#include "vitrine/result.h"

namespace vitrine::python {

/// Walks the `ast.Module` object `tree`, parsed from `source`. No finding of severity kError means
/// the policy allows the program. At most 100 findings, then one that says so. Never throws for
/// what the program looks like: what cannot be looked at is a finding too.
std::vector<Finding> validate(const Api& api, PyObject* tree, std::string_view source,
                              const Policy& policy);

/// Takes the pending exception of a parse or a compile that failed.
Finding finding_from_syntax_error(const Api& api);

}  // namespace vitrine::python
