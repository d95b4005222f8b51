// A whole run, and what holds it.
#pragma once

#include <string>
#include <vector>

#include "doctor/check.h"

namespace vitrine::doctor {

/// Where this process's jobs get their cgroups; a leaf is made and removed. Moves this process, as
/// a run would.
Check check_cgroup();

/// Runs a program in the rootfs from the first step to the last. Behind it, what of that run's
/// isolation was weaker.
std::vector<Check> check_launch(const std::string& rootfs, const std::string& profiles);

}  // namespace vitrine::doctor
