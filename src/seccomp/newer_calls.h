// Calls that are newer than a profile: ENOSYS, so that programs fall back, and not EPERM.
#pragma once

#include "seccomp/program.h"
#include "seccomp/resolve.h"

namespace vitrine::seccomp {

/// Instructions to stand in front of the profile's program, as runc has them: on each of its
/// architectures a call number above the highest that the profile names is ENOSYS, and so is
/// s390's call 0, by which that kernel reports a number it does not know. Everything else goes on
/// to the program behind. Empty when the default lets calls through.
Program refuse_newer_calls(const ResolvedProfile& profile);

}  // namespace vitrine::seccomp
