// What a job with a terminal may not ask of it.
#pragma once

#include <linux/filter.h>

#include <vector>

namespace vitrine::seccomp {

/// A program to be installed beside a profile's, which knows nothing of terminals: EPERM for
/// ioctl(TIOCSETD), which reaches into the kernel's line disciplines and makes it load modules, and
/// for ioctl(TIOCSTI), which types. Of the architecture this program was built for; a job with a
/// terminal gets no other.
std::vector<sock_filter> terminal_guard();

}  // namespace vitrine::seccomp
