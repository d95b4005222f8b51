// A job's claim, which may be anything, as JSON that a reader can trust to be that.
#pragma once

#include <string>

namespace vitrine::runtime {

/// Checks a job's claim to be one JSON value in strict UTF-8, nested no deeper than a reader's
/// stack can take, and returns it without blanks on one line, or an empty string. Keys keep their
/// order, and one that comes twice comes twice; numbers keep their spelling where it is not whole.
/// Linear in time and memory, whatever the claim.
std::string checked_json(const std::string& claim);

}  // namespace vitrine::runtime
