// "Did you mean …": the nearest valid name.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace vitrine::cli {

/// The one of `names` that is the fewest edits away from `word`, or empty when all are far.
std::string nearest(std::string_view word, std::span<const std::string> names);

}  // namespace vitrine::cli
