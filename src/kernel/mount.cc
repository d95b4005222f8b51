#include "kernel/mount.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.h"

namespace vitrine::kernel {

namespace {

void set_attributes(int dir_fd, const char* path, std::uint64_t attributes, unsigned flags,
                    const std::string& intent) {
    mount_attr attr{};
    attr.attr_set = attributes;
    // A tree cloned from a shared mount stays in its peer group: what is mounted in it would show
    // on the host, and what the host mounts there, in the sandbox.
    attr.propagation = MS_PRIVATE;
    check(::syscall(SYS_mount_setattr, dir_fd, path, flags, &attr, sizeof attr), intent,
          "mount_setattr");
}

unsigned recursive_flag(Submounts submounts) {
    return submounts == Submounts::kTakeAlong ? AT_RECURSIVE : 0U;
}

}  // namespace

UniqueFd clone_tree(const std::string& path, Submounts submounts) {
    const unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | recursive_flag(submounts);
    return UniqueFd(
        static_cast<int>(check(::syscall(SYS_open_tree, AT_FDCWD, path.c_str(), flags),
                               concat("taking the mount at '", path, "'"), "open_tree")));
}

void restrict_mount(int mount_fd, std::uint64_t attributes, Submounts submounts) {
    set_attributes(mount_fd, "", attributes, AT_EMPTY_PATH | recursive_flag(submounts),
                   "restricting a mount");
}

void restrict_mount(const std::string& path, std::uint64_t attributes, Submounts submounts) {
    set_attributes(AT_FDCWD, path.c_str(), attributes, recursive_flag(submounts),
                   concat("restricting the mount on '", path, "'"));
}

void idmap_mount(int mount_fd, int userns_fd) {
    mount_attr attr{};
    attr.attr_set = MOUNT_ATTR_IDMAP;
    attr.userns_fd = static_cast<std::uint64_t>(userns_fd);
    check(::syscall(SYS_mount_setattr, mount_fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr,
                    sizeof attr),
          "mapping the owners of a mount's files", "mount_setattr(MOUNT_ATTR_IDMAP)");
}

void attach_mount(int mount_fd, const std::string& path) {
    check(::syscall(SYS_move_mount, mount_fd, "", AT_FDCWD, path.c_str(), MOVE_MOUNT_F_EMPTY_PATH),
          concat("mounting on '", path, "'"), "move_mount");
}

void attach_mount(int mount_fd, int target_fd) {
    check(::syscall(SYS_move_mount, mount_fd, "", target_fd, "",
                    MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH),
          "mounting on an open file", "move_mount");
}

bool cover(const std::string& path, const std::string& with) {
    if (::mount(with.c_str(), path.c_str(), nullptr, MS_BIND, nullptr) == 0) return true;
    if (errno == ENOENT) return false;
    throw SystemError(concat("covering '", path, "' with '", with, "'"), "mount");
}

UniqueFd open_in_root(int root_fd, const std::string& path) {
    open_how how{};
    how.flags = O_PATH | O_CLOEXEC;
    how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
    return UniqueFd(
        static_cast<int>(check(::syscall(SYS_openat2, root_fd, path.c_str(), &how, sizeof how),
                               concat("opening '", path, "' in the sandbox's root"), "openat2")));
}

UniqueFd make_filesystem(const char* type, MountOptions options, std::uint64_t attributes) {
    const std::string intent = concat("making a ", type);
    const UniqueFd context(
        static_cast<int>(check(::syscall(SYS_fsopen, type, FSOPEN_CLOEXEC), intent, "fsopen")));
    for (const auto& [key, value] : options) {
        check(::syscall(SYS_fsconfig, context.get(), FSCONFIG_SET_STRING, key, value.c_str(), 0),
              concat(intent, " with ", key, "=", value), "fsconfig");
    }
    check(::syscall(SYS_fsconfig, context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0), intent,
          "fsconfig(create)");
    return UniqueFd(static_cast<int>(check(
        ::syscall(SYS_fsmount, context.get(), FSMOUNT_CLOEXEC, attributes), intent, "fsmount")));
}

void make_mounts_private() {
    check(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), "making the mounts private",
          "mount");
}

void pivot_into(const std::string& new_root) {
    check(::chdir(new_root.c_str()), concat("entering '", new_root, "'"), "chdir");
    // With both names ".", the old root ends up on top of the new one, ready to be detached.
    check(::syscall(SYS_pivot_root, ".", "."), concat("making '", new_root, "' the root"),
          "pivot_root");
    check(::umount2(".", MNT_DETACH), "detaching the old root", "umount2");
    check(::chdir("/"), "entering the new root", "chdir");
}

void detach_mount(const std::string& path) {
    check(::umount2(path.c_str(), MNT_DETACH), concat("detaching the mount on '", path, "'"),
          "umount2");
}

}  // namespace vitrine::kernel
