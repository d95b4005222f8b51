// The mount API by descriptors (Linux 5.2 to 5.12): open_tree, move_mount, mount_setattr, fsopen.
//
// Used instead of mount(2) because a descriptor cannot be redirected by a symlink, and because one
// call sets the attributes of a whole tree; but for cover(), of which a sandbox has two dozen, each
// three calls by descriptors.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>

#include "base/fd.h"

namespace vitrine::kernel {

/// A detached copy of the mount tree at `path` (or of just its topmost mount), to be put elsewhere
/// with attach_mount. Needs CAP_SYS_ADMIN over the current mount namespace.
enum class Submounts { kLeaveOut, kTakeAlong };
UniqueFd clone_tree(const std::string& path, Submounts submounts);

/// Sets MOUNT_ATTR_* `attributes` on a mount; with kTakeAlong on all below it too.
void restrict_mount(int mount_fd, std::uint64_t attributes, Submounts submounts);
void restrict_mount(const std::string& path, std::uint64_t attributes, Submounts submounts);

/// Lets the detached mounts of a tree show their files' owners through the user namespace behind
/// `userns_fd`: an id inside it, on the file system, is the id outside it, to processes. Throws
/// SystemError; EINVAL says that the file system cannot.
void idmap_mount(int mount_fd, int userns_fd);

/// Puts a detached mount on the existing file or directory `path`.
void attach_mount(int mount_fd, const std::string& path);

/// Puts a detached mount on the open (O_PATH is enough) file or directory `target_fd`.
void attach_mount(int mount_fd, int target_fd);

/// Mounts what is at `with`, itself on a mount whose attributes it keeps, on `path`; false where
/// one of them is not there. Both are a file or both a directory, and where no one else could put a
/// symlink.
bool cover(const std::string& path, const std::string& with);

/// Opens `path` with O_PATH as it looks to a process whose root is `root_fd`: no symlink and no
/// `..` leads out of it. openat2(2).
UniqueFd open_in_root(int root_fd, const std::string& path);

/// A new, detached filesystem of `type` ("tmpfs", "proc") with fsconfig(2) string options and
/// MOUNT_ATTR_* attributes.
using MountOptions = std::initializer_list<std::pair<const char*, std::string>>;
UniqueFd make_filesystem(const char* type, MountOptions options, std::uint64_t attributes);

/// Stops mount events from travelling between this mount namespace and the one it was copied from.
void make_mounts_private();

/// Makes the directory `new_root`, which must be a mount, the root of this mount namespace, and
/// detaches the old root: it is gone, not hidden. The working directory becomes the new root.
void pivot_into(const std::string& new_root);

/// Detaches the mount at `path` and everything below it.
void detach_mount(const std::string& path);

}  // namespace vitrine::kernel
