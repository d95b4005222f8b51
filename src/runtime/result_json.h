// A Result as one line of JSON: schema vitrine.result.v1 (docs/result.schema.json).
#pragma once

#include <string>

#include "vitrine/result.h"

namespace vitrine::runtime {

/// One JSON object on one line, without a newline. Always valid UTF-8, whatever the job wrote.
std::string to_json(const Result& result);

/// `exited`, `timeout`…
const char* status_name(Status status);

}  // namespace vitrine::runtime
