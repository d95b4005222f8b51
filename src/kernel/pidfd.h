// Processes that are not our children, held by descriptor: glibc's <sys/pidfd.h> cannot be used
// from C++ before 2.37.
#pragma once

#include <sys/types.h>

#include "base/fd.h"

namespace vitrine::kernel {

/// pidfd_open(2); empty when there is no such process, or no descriptor for it.
UniqueFd open_pidfd(pid_t pid);

/// SIGKILL; one that is gone already is none to kill.
void kill_process(int pidfd) noexcept;

}  // namespace vitrine::kernel
