// What is wrong or odd in a profile that can be read.
#pragma once

#include <string>
#include <vector>

#include "seccomp/fate.h"

namespace vitrine::seccomp {

enum class Complaint {
    kAllowsEverything,    ///< The default action lets calls through.
    kUnknownName,         ///< No architecture has such a call.
    kNeverCounts,         ///< No host satisfies `includes` and `excludes`.
    kNeverHolds,          ///< No argument satisfies a condition.
    kOverruled,           ///< A rule without conditions or filters says otherwise, and wins.
    kConditionsAllowAll,  ///< The rules' conditions together let every argument through.
    kRepeated,            ///< Another rule says the same already: harmless.
};

struct Finding {
    Complaint complaint = Complaint::kUnknownName;
    std::string place;    ///< `syscalls[3].args[0]`
    std::string subject;  ///< The call's name, where there is one.
    std::string message;

    /// kRepeated is only worth a note.
    bool is_wrong() const { return complaint != Complaint::kRepeated; }
};

/// What the profile is for.
enum class Role {
    kAlone,
    kOverlay,  ///< A side of an intersection whose other side refuses by default.
};

/// In the order of the file.
std::vector<Finding> examine(const Study& study, Role role);

}  // namespace vitrine::seccomp
