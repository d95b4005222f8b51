#include "rootfs/snapshot.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include "base/directory.h"
#include "base/error.h"
#include "base/random_id.h"

namespace vitrine::rootfs {

namespace {

constexpr const char* kDirectory = ".vitrine";
constexpr const char* kName = "snapshot";
constexpr const char* kDoing = "writing the rootfs's snapshot";

bool is_writable_by_others(const struct stat& info) {
    return (info.st_mode & (S_IWGRP | S_IWOTH)) != 0;
}

bool is_trusted(const struct stat& info, uid_t owner) {
    const bool is_known = info.st_uid == 0 || info.st_uid == ::geteuid() || info.st_uid == owner;
    return is_known && !is_writable_by_others(info);
}

/// `snapshot.0123456789abcdef`
bool is_unfinished(std::string_view name) {
    constexpr std::size_t kDigits = 16;
    const std::string prefix = concat(kName, ".");
    if (!name.starts_with(prefix) || name.size() != prefix.size() + kDigits) return false;
    return name.find_first_not_of("0123456789abcdef", prefix.size()) == std::string_view::npos;
}

/// Signals that ask for an end wait for where they can be answered: nothing is left half written.
class HeldSignals {
  public:
    HeldSignals() {
        sigemptyset(&ends_);
        for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT})
            sigaddset(&ends_, signal);
        ::sigprocmask(SIG_BLOCK, &ends_, &before_);
    }
    ~HeldSignals() { ::sigprocmask(SIG_SETMASK, &before_, nullptr); }
    HeldSignals(const HeldSignals&) = delete;
    HeldSignals& operator=(const HeldSignals&) = delete;

    void answer() const {
        constexpr timespec kNow{};
        const int signal = ::sigtimedwait(&ends_, nullptr, &kNow);
        if (signal > 0) throw SnapshotInterrupted(signal);
    }

  private:
    sigset_t ends_{};
    sigset_t before_{};
};

/// The rootfs's own directory of ours. Never a link: it could lead to where the caller may write
/// and the rootfs's owner may not.
UniqueFd open_directory(int rootfs_fd) {
    const int fd = ::openat(rootfs_fd, kDirectory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && (errno == ENOTDIR || errno == ELOOP)) {
        throw Error(concat(kDoing, ": its '", kDirectory, "' is a link, or no directory"),
                    "build the rootfs again");
    }
    return UniqueFd(check(fd, kDoing, "openat"));
}

void check_directory(int directory_fd) {
    struct stat info{};
    check(::fstat(directory_fd, &info), kDoing, "fstat");
    if (is_writable_by_others(info)) {
        throw Error(concat(kDoing, ": others can write to its '", kDirectory, "'"),
                    concat("chmod go-w on '", kDirectory, "' in the rootfs"));
    }
    if (::faccessat(directory_fd, ".", W_OK, AT_EACCESS) == 0) return;
    SystemError error(kDoing, "faccessat");
    error.suggest(error.error_number() == EROFS ? "copy the rootfs to where it can be written to"
                                                : "do it as the rootfs's owner, or as root");
    throw error;
}

/// Whoever makes one holds the lock: nobody else is at what lies around.
void remove_unfinished(int directory_fd) {
    if (::flock(directory_fd, LOCK_EX | LOCK_NB) < 0) return;
    for (const std::string& name : names_in(concat("/proc/self/fd/", directory_fd))) {
        if (is_unfinished(name)) (void)::unlinkat(directory_fd, name.c_str(), 0);
    }
}

void copy_all(int from_fd, int to_fd, const HeldSignals& signals) {
    constexpr std::size_t kChunk = std::size_t{1} << 24;
    off_t offset = 0;
    while (check(::sendfile(to_fd, from_fd, &offset, kChunk), kDoing, "sendfile") > 0)
        signals.answer();
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
    const std::string around = concat("/", kDirectory, "/");
    return path == kSnapshotFile ||
           (path.starts_with(around) && is_unfinished(path.substr(around.size())));
}

NewSnapshot::NewSnapshot(int rootfs_fd)
    : directory_(open_directory(rootfs_fd)), name_(concat(kName, ".", random_id())) {
    check_directory(directory_.get());
    remove_unfinished(directory_.get());
}

NewSnapshot::~NewSnapshot() {
    if (is_there_) (void)::unlinkat(directory_.get(), name_.c_str(), 0);
}

void NewSnapshot::fill(int image_fd) {
    const HeldSignals held;
    const UniqueFd file(check(::openat(directory_.get(), name_.c_str(),
                                       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600),
                              kDoing, "openat"));
    is_there_ = true;
    copy_all(image_fd, file.get(), held);
    struct stat around{};
    check(::fstat(directory_.get(), &around), kDoing, "fstat");
    if (around.st_uid != ::geteuid()) {
        check(::fchown(file.get(), around.st_uid, around.st_gid), kDoing, "fchown");
    }
    check(::fchmod(file.get(), 0444), kDoing, "fchmod");
    check(::fdatasync(file.get()), kDoing, "fdatasync");
    held.answer();
}

std::string NewSnapshot::path() const {
    return concat("/", kDirectory, "/", name_);
}

/// A link of that name is replaced, not followed.
void NewSnapshot::publish() {
    check(::renameat(directory_.get(), name_.c_str(), directory_.get(), kName), kDoing, "renameat");
    is_there_ = false;
}

}  // namespace vitrine::rootfs
