// Makes of a program that is refused one that may not be.
#pragma once

#include <string>
#include <vector>

#include "vitrine/result.h"

namespace vitrine::test {

/// `source` with `pass` in place of every line that has a finding, and of what is indented below
/// it. A program that is refused for one of its lines is worth running without it: what is left
/// went unrefused beside it.
std::string without_refused_lines(const std::string& source, const std::vector<Finding>& findings);

}  // namespace vitrine::test
