// What can be said about a source before it is parsed.
#pragma once

#include <string_view>
#include <vector>

#include "python/policy.h"
#include "vitrine/result.h"

namespace vitrine::python {

/// Findings about the bytes: too many, not UTF-8, a null byte, a coding cookie for anything else,
/// and, as warnings, characters that make text look like other text (bidirectional controls).
std::vector<Finding> check_source(std::string_view bytes, const Policy& policy);

/// Length of the UTF-8 sequence `text` starts with; 0 when it is not valid (RFC 3629).
std::size_t utf8_length(std::string_view text);

}  // namespace vitrine::python
