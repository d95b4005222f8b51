// A rootfs's snapshot: an interpreter that has started, kept as kernel/process_image.h has it, from
// which cold runs go on.
//
// It belongs to this host and to the vitrine that made it, not to the rootfs: no manifest lists it,
// and a run for which it does not fit starts an interpreter as if it were not there.
#pragma once

#include <cstdint>
#include <string>

namespace vitrine::rootfs {

/// Below the rootfs. Sandboxes do not show it.
inline constexpr const char* kSnapshotFile = "/.vitrine/snapshot";

enum class Snapshot : std::uint8_t {
    kNone,
    kUsable,
    kForeign,  ///< Somebody could have put it there who is none of: root, the caller, the owner.
};

/// Whether the rootfs in `directory` has one, by owner and modes of the file and its directory.
Snapshot find_snapshot(const std::string& directory);

/// Whether `path`, as it is inside a rootfs, is a snapshot's: one, or one that was broken off.
bool is_snapshots(const std::string& path);

/// Puts the content of `image_fd`, an anonymous file, there: a run sees it or the one before. It
/// belongs to whoever owns the rootfs's `.vitrine`. Throws Error; where others than they could
/// write there, too.
void keep_snapshot(const std::string& directory, int image_fd);

/// Where there is one, there is none any more. Throws Error.
void drop_snapshot(const std::string& directory);

}  // namespace vitrine::rootfs
