// The system calls that a job was denied, for people.
#pragma once

#include <string>
#include <vector>

#include "vitrine/result.h"

namespace vitrine::cli {

/// Lines of a table, with a heading; of a job that was denied nothing, one line that says so.
std::vector<std::string> denied_table(const Result& result);

}  // namespace vitrine::cli
