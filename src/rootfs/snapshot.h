// A rootfs's snapshot: an interpreter that has started, kept as kernel/process_image.h has it, from
// which cold runs go on.
//
// It belongs to this host and to the vitrine that made it, not to the rootfs: no manifest lists it,
// and a run for which it does not fit starts an interpreter as if it were not there.
#pragma once

#include <string>
#include <string_view>

namespace vitrine::rootfs {

/// Below the rootfs. Sandboxes do not show it.
inline constexpr const char* kSnapshotFile = "/.vitrine/snapshot";

/// Whether there is one that nobody else could have put there than could have changed the rootfs's
/// libpython: owner and modes are as safe.
bool has_snapshot(const std::string& directory);

/// Replaces it at once. Throws Error.
void keep_snapshot(const std::string& directory, std::string_view image);

}  // namespace vitrine::rootfs
