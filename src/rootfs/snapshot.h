// A rootfs's snapshot: an interpreter that has started, kept as kernel/process_image.h has it, from
// which cold runs go on.
//
// It belongs to this host and to the vitrine that made it, not to the rootfs: no manifest lists it,
// and a run for which it does not fit starts an interpreter as if it were not there.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "base/fd.h"

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

/// Whether `path`, as it is inside a rootfs, is a snapshot's: one, or one that is not complete.
bool is_snapshots(const std::string& path);

/// A signal that asks for an end came before there was a new one.
class SnapshotInterrupted : public Error {
  public:
    explicit SnapshotInterrupted(int signal)
        : Error("interrupted; the snapshot is what it was before"), signal_(signal) {}
    int signal() const noexcept { return signal_; }

  private:
    int signal_;
};

/// A snapshot in the making: a file beside the one there is, to be tried out, which takes that
/// one's place or is gone. It belongs to whoever owns the rootfs's `.vitrine`.
class NewSnapshot {
  public:
    /// `rootfs_fd` is the rootfs's directory, borrowed: its path can lead elsewhere meanwhile.
    /// Removes what makers that were killed have left. Throws Error, with what to do, where nothing
    /// can be written there, or others than the owner could.
    explicit NewSnapshot(int rootfs_fd);
    ~NewSnapshot();
    NewSnapshot(const NewSnapshot&) = delete;
    NewSnapshot& operator=(const NewSnapshot&) = delete;

    /// Its content: that of `image_fd`, an anonymous file. Throws Error, SnapshotInterrupted among
    /// them.
    void fill(int image_fd);
    /// As kSnapshotFile is.
    std::string path() const;
    /// Runs see it or the one before. Throws SystemError.
    void publish();

  private:
    UniqueFd directory_;
    std::string name_;
    bool is_there_ = false;
};

}  // namespace vitrine::rootfs
