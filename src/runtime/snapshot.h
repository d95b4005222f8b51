// Making a rootfs's snapshot.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace vitrine::runtime {

/// Whether snapshots are made on this kind of machine.
bool has_snapshots() noexcept;

/// Starts the Python of the rootfs in `directory` in a sandbox, imports `modules`, runs an empty
/// program from what that leaves in memory, and keeps it there: see rootfs/snapshot.h. `profiles`
/// is the directory of seccomp profiles. Returns the file's size. Throws Error,
/// rootfs::SnapshotInterrupted among them; the snapshot is what it was then.
std::size_t make_snapshot(const std::string& directory, const std::string& profiles,
                          const std::vector<std::string>& modules = {});

}  // namespace vitrine::runtime
