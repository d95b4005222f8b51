// Making a rootfs's snapshot.
#pragma once

#include <string>
#include <vector>

namespace vitrine::runtime {

/// Starts the Python of the rootfs in `directory`, in a sandbox, keeps its memory there (see
/// rootfs/snapshot.h), and runs an empty program from it. `profiles` is the directory of seccomp
/// profiles. Returns the file's size. Throws Error; the snapshot is what it was then, or, where no
/// program went on from it, gone.
std::size_t make_snapshot(const std::string& directory, const std::string& profiles,
                          const std::vector<std::string>& modules = {});

}  // namespace vitrine::runtime
