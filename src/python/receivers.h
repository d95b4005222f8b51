// Changes a syntax tree where the validator relied on an object being the program's own.
#pragma once

#include <vector>

#include "python/ast.h"

namespace vitrine::python {

/// Makes `x.name` into `f(x, 'name').name` for each Attribute node of `attributes`, where f is the
/// guard's check of receivers (class_guard.h). The nodes must have been copied from a tree that is
/// still there. Throws Error.
void check_receivers(const Api& api, const std::vector<const Node*>& attributes);

}  // namespace vitrine::python
