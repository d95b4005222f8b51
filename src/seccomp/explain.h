// What would happen to one call, and which rules of which profile say so.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "seccomp/fate.h"

namespace vitrine::seccomp {

/// What one profile of an intersection says.
struct Answer {
    std::string profile;
    Fate fate;
    std::optional<std::uint32_t> outcome;  ///< Empty: it depends on arguments that were not given.
    Basis basis = Basis::kDefault;
    std::optional<std::size_t> rule;  ///< With kRule: the one that says so.
};

struct Explanation {
    NamedCall call;
    std::vector<std::uint64_t> arguments;  ///< Those that were given.
    std::optional<std::uint32_t> outcome;  ///< Of all together; empty as above.
    std::vector<Answer> answers;           ///< One a profile.
};

/// At most six arguments; one that no rule looks at need not be given.
Explanation explain(std::span<const Study> studies, const NamedCall& call,
                    std::vector<std::uint64_t> arguments);

/// `syscalls[3]`, `its default; syscalls[5] needs CAP_BPF`.
std::string describe_reason(Basis basis, std::optional<std::size_t> rule, const Fate& fate);

}  // namespace vitrine::seccomp
