// One program as the payload gets it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "python/policy.h"
#include "vitrine/job.h"

namespace vitrine::python {

struct Program {
    Source source;
    std::vector<std::string> arguments;
    std::optional<EntryPoint> entry;
    Policy policy;
    /// Not empty: these are only checked, one after the other, and nothing runs.
    std::vector<Source> checks;
};

std::string encode(const Program& program);
/// The same without its policy, for whoever has that already.
std::string encode_without_policy(const Program& program);
/// Throws Error on bytes that do not fit.
Program decode_program(std::string_view bytes);

}  // namespace vitrine::python
