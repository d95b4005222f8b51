// Can Vitrine run here, and if not, why?
#pragma once

#include <string>
#include <vector>

#include "doctor/check.h"

namespace vitrine::doctor {

struct Examination {
    std::string rootfs;    ///< Absolute.
    std::string profiles;  ///< Directory of seccomp profiles.
};

/// Tries every step of a launch, and looks at what holds a job. Nothing of it is left behind. The
/// calling process must be single-threaded and without children.
std::vector<Check> examine(const Examination& what);

/// False when one failed: nothing runs here.
bool can_run(const std::vector<Check>& checks);

}  // namespace vitrine::doctor
