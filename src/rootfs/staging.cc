#include "rootfs/staging.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/error.h"
#include "rootfs/description.h"

namespace vitrine::rootfs {

namespace {

namespace fs = std::filesystem;

constexpr const char* kMark = ".building.";
/// Ends the name of a Workspace.
constexpr const char* kWork = ".work";

void refuse_foreign(const std::string& target) {
    if (!fs::exists(fs::symlink_status(target))) return;
    const bool is_directory = fs::is_directory(fs::symlink_status(target));
    if (is_directory && (fs::is_empty(target) || fs::exists(target + kDescriptionFile))) return;
    throw UsageError(concat("'", target, "' exists and is not a rootfs that Vitrine made"),
                     "name another directory with -o, or remove this one yourself");
}

std::string absolute_target(const std::string& target) {
    fs::path path = fs::absolute(target).lexically_normal();
    if (path.filename().empty()) path = path.parent_path();
    return path;
}

}  // namespace

void remove_unfinished(const std::string& target) {
    const fs::path path = absolute_target(target);
    if (!fs::is_directory(path.parent_path())) return;
    const std::string prefix = path.filename().string() + kMark;
    for (const auto& entry : fs::directory_iterator(path.parent_path())) {
        const std::string name = entry.path().filename();
        if (!name.starts_with(prefix)) continue;
        const std::string pid = fs::path(name.substr(prefix.size())).stem();
        if (!fs::exists(concat("/proc/", pid))) fs::remove_all(entry.path());
    }
}

namespace {

std::string make_beside(const std::string& target, const char* ending) {
    refuse_foreign(target);
    fs::create_directories(fs::path(target).parent_path());
    remove_unfinished(target);
    std::string path = concat(target, kMark, ::getpid(), ending);
    check(::mkdir(path.c_str(), 0755), concat("making the directory '", path, "'"), "mkdir");
    check(::chmod(path.c_str(), 0755), concat("opening '", path, "' to readers"), "chmod");
    return path;
}

}  // namespace

Staging::Staging(const std::string& target) : target_(absolute_target(target)) {
    path_ = make_beside(target_, "");
}

Staging::~Staging() {
    if (path_.empty()) return;
    std::error_code ignored;
    fs::remove_all(path_, ignored);
}

Workspace::Workspace(const std::string& target) {
    path_ = make_beside(absolute_target(target), kWork);
}

Workspace::~Workspace() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
}

void Staging::commit() {
    if (!fs::exists(target_)) {
        check(::rename(path_.c_str(), target_.c_str()), concat("renaming to '", target_, "'"),
              "rename");
        path_.clear();
        return;
    }
    // The old tree ends up under the staging name, and goes with this object.
    check(::renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, target_.c_str(), RENAME_EXCHANGE),
          concat("replacing '", target_, "'"), "renameat2");
}

}  // namespace vitrine::rootfs
