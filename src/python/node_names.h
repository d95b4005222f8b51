// The names of the node types of CPython's grammar that the validator knows.
#pragma once

#include <string_view>

namespace vitrine::python {

bool is_node_type(std::string_view name);

}  // namespace vitrine::python
