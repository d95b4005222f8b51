// Filters for what some jobs have and no profile knows of. Installed beside a profile's: the kernel
// takes the strictest answer.
//
// They know the calls of the architecture this program was built for; a job that has such things
// gets no other.
#pragma once

#include <linux/filter.h>

#include <span>
#include <vector>

#include "seccomp/program.h"

namespace vitrine::seccomp {

/// For a job with a terminal. EPERM for ioctl(TIOCSETD), which reaches into the kernel's line
/// disciplines and makes it load modules, and for ioctl(TIOCSTI), which types.
std::vector<sock_filter> terminal_guard();

/// For a job that writes files which stay on the host, as files of somebody there. EPERM for making
/// a file that is set-user-id or set-group-id, or making it so: who runs it would be that somebody.
/// Calls whose mode a filter cannot see are taken for missing (ENOSYS). What one of the programs of
/// `profile` refuses whatever its arguments are is left to it: where refusals are handed to a
/// listener, a guard's would come first, be told to nobody, and perhaps have another errno.
std::vector<sock_filter> set_id_guard(std::span<const Program> profile = {});

}  // namespace vitrine::seccomp
