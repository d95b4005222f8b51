// The guest program, carried inside this executable.
#pragma once

#include "base/fd.h"

namespace vitrine::runtime {

/// An empty memfd for the guest program.
UniqueFd make_guest_image();

/// Puts the program into it, ready for one execveat(2): nobody can write it any more.
void fill_guest_image(int image_fd);

/// Takes the image's execute permission away, for good where the kernel has F_SEAL_EXEC: called
/// once it runs, so that a job finds nothing to execute behind /proc/self/exe.
void forbid_execution(int image_fd);

}  // namespace vitrine::runtime
