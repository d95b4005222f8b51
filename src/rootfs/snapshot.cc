#include "rootfs/snapshot.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "base/error.h"
#include "base/fd.h"

namespace vitrine::rootfs {

namespace {

struct stat look_at(const std::string& path) {
    struct stat info{};
    if (::lstat(path.c_str(), &info) < 0) info = {};
    return info;
}

bool is_writable_by_others(const struct stat& info) {
    return (info.st_mode & (S_IWGRP | S_IWOTH)) != 0;
}

}  // namespace

bool has_snapshot(const std::string& directory) {
    const struct stat file = look_at(directory + kSnapshotFile);
    if (!S_ISREG(file.st_mode) || is_writable_by_others(file)) return false;
    const struct stat around = look_at(directory + "/.vitrine");
    if (!S_ISDIR(around.st_mode) || is_writable_by_others(around)) return false;
    const uid_t owner = look_at(directory + "/.").st_uid;
    const auto is_known = [owner](uid_t uid) {
        return uid == 0 || uid == ::geteuid() || uid == owner;
    };
    return is_known(file.st_uid) && is_known(around.st_uid);
}

void keep_snapshot(const std::string& directory, std::string_view image) {
    const std::string path = directory + kSnapshotFile;
    const std::string doing = concat("writing '", path, "'");
    // Beside it and renamed: a run sees a whole one. A link of that name is replaced, not followed.
    std::string beside = path + ".XXXXXX";
    const UniqueFd file(check(::mkostemp(beside.data(), O_CLOEXEC), doing, "mkostemp"));
    try {
        write_all(file.get(), image);
        check(::fchmod(file.get(), 0444), doing, "fchmod");
        check(::rename(beside.c_str(), path.c_str()), doing, "rename");
    } catch (const Error&) {
        (void)::unlink(beside.c_str());
        throw;
    }
}

}  // namespace vitrine::rootfs
