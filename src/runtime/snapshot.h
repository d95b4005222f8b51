// Making a rootfs's snapshot.
#pragma once

#include <string>

namespace vitrine::runtime {

/// Starts the Python of the rootfs in `directory`, in a sandbox, and keeps its memory there: see
/// rootfs/snapshot.h. `profiles` is the directory of seccomp profiles. Returns the file's size.
/// Throws Error; the snapshot is what it was then.
std::size_t make_snapshot(const std::string& directory, const std::string& profiles);

}  // namespace vitrine::runtime
