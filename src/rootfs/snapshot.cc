#include "rootfs/snapshot.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include "base/error.h"
#include "base/fd.h"
#include "base/random_id.h"

namespace vitrine::rootfs {

namespace {

constexpr const char* kDirectory = ".vitrine";
constexpr const char* kName = "snapshot";

bool is_writable_by_others(const struct stat& info) {
    return (info.st_mode & (S_IWGRP | S_IWOTH)) != 0;
}

bool is_trusted(const struct stat& info, uid_t owner) {
    const bool is_known = info.st_uid == 0 || info.st_uid == ::geteuid() || info.st_uid == owner;
    return is_known && !is_writable_by_others(info);
}

/// Signals that would end this process wait, so that it leaves nothing half done.
class Undisturbed {
  public:
    Undisturbed() {
        sigset_t ends;
        sigemptyset(&ends);
        for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT})
            sigaddset(&ends, signal);
        ::sigprocmask(SIG_BLOCK, &ends, &before_);
    }
    ~Undisturbed() { ::sigprocmask(SIG_SETMASK, &before_, nullptr); }
    Undisturbed(const Undisturbed&) = delete;
    Undisturbed& operator=(const Undisturbed&) = delete;

  private:
    sigset_t before_{};
};

/// The rootfs's own directory of ours. Never a link: it could lead to where the caller may write
/// and the rootfs's owner may not.
UniqueFd open_directory(const std::string& rootfs) {
    const std::string doing = concat("opening '", rootfs, "/", kDirectory, "'");
    const UniqueFd root(
        check(::open(rootfs.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC), doing, "open"));
    return UniqueFd(
        check(::openat(root.get(), kDirectory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
              doing, "openat"));
}

void copy_all(int from_fd, int to_fd, const std::string& doing) {
    off_t offset = 0;
    for (;;) {
        constexpr std::size_t kChunk = std::size_t{1} << 24;
        const ssize_t sent = check(::sendfile(to_fd, from_fd, &offset, kChunk), doing, "sendfile");
        if (sent == 0) return;
    }
}

}  // namespace

Snapshot find_snapshot(const std::string& directory) {
    struct stat file{};
    struct stat around{};
    struct stat root{};
    if (::lstat((directory + kSnapshotFile).c_str(), &file) < 0) return Snapshot::kNone;
    if (::lstat((directory + "/" + kDirectory).c_str(), &around) < 0 ||
        ::stat(directory.c_str(), &root) < 0) {
        return Snapshot::kNone;
    }
    const bool is_usable = S_ISREG(file.st_mode) && S_ISDIR(around.st_mode) &&
                           is_trusted(file, root.st_uid) && is_trusted(around, root.st_uid);
    return is_usable ? Snapshot::kUsable : Snapshot::kForeign;
}

bool is_snapshots(const std::string& path) {
    return path == kSnapshotFile || path.starts_with(std::string(kSnapshotFile) + ".");
}

void keep_snapshot(const std::string& directory, int image_fd) {
    const std::string doing = concat("writing '", directory, kSnapshotFile, "'");
    const UniqueFd around = open_directory(directory);
    struct stat info{};
    check(::fstat(around.get(), &info), doing, "fstat");
    if (is_writable_by_others(info)) {
        throw Error(concat(doing, ": others can write to '", directory, "/", kDirectory, "'"),
                    concat("chmod go-w '", directory, "/", kDirectory, "'"));
    }
    // Beside it and renamed: a link of that name is replaced, not followed.
    const std::string beside = concat(kName, ".", random_id());
    const Undisturbed undisturbed;
    const UniqueFd file(
        check(::openat(around.get(), beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600),
              doing, "openat"));
    try {
        copy_all(image_fd, file.get(), doing);
        if (info.st_uid != ::geteuid()) {
            check(::fchown(file.get(), info.st_uid, info.st_gid), doing, "fchown");
        }
        check(::fchmod(file.get(), 0444), doing, "fchmod");
        check(::fdatasync(file.get()), doing, "fdatasync");
        check(::renameat(around.get(), beside.c_str(), around.get(), kName), doing, "renameat");
    } catch (const Error&) {
        (void)::unlinkat(around.get(), beside.c_str(), 0);
        throw;
    }
}

void drop_snapshot(const std::string& directory) {
    const UniqueFd around = open_directory(directory);
    if (::unlinkat(around.get(), kName, 0) < 0 && errno != ENOENT) {
        throw SystemError(concat("removing '", directory, kSnapshotFile, "'"), "unlinkat");
    }
}

}  // namespace vitrine::rootfs
