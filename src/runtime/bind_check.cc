#include "runtime/bind_check.h"

#include <sys/stat.h>

#include <array>
#include <filesystem>

#include "base/error.h"
#include "base/file.h"

namespace vitrine::runtime {

namespace {

namespace fs = std::filesystem;

bool is_below(const std::string& path, std::string_view directory) {
    return path == directory || path.starts_with(concat(directory, "/"));
}

/// The program, its profiles and its roots, in a build tree and installed.
std::array<std::string, 5> own_files() {
    const fs::path here = executable_directory();
    return {here / "vitrine", here / "profiles", here / "rootfs",
            here.parent_path() / "share/vitrine", here.parent_path() / "lib/vitrine"};
}

/// Who may write where Vitrine's files are decides what the next job meets.
void refuse_own_files(const std::string& path, bool is_writable) {
    for (const std::string& own : own_files()) {
        const bool holds_it = is_writable && is_below(own, path);
        if (!is_below(path, own) && !(holds_it && fs::exists(own))) continue;
        throw UsageError(concat("'", path, "' holds Vitrine's own files"),
                         "bind a directory of data instead");
    }
}

}  // namespace

void check_bind_source(const std::string& path, bool is_writable) {
    for (const std::string_view refused : {"/proc", "/sys", "/dev"}) {
        if (is_below(path, refused)) {
            throw UsageError(concat("'", path, "' may not be bound into a sandbox"),
                             "bind a directory of data instead");
        }
    }
    if (path == "/") {
        throw UsageError("the host's root may not be bound into a sandbox",
                         "bind the directory the program needs");
    }
    struct stat info{};
    check(::stat(path.c_str(), &info), concat("binding '", path, "'"), "stat");
    if (!S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode)) {
        throw UsageError(concat("'", path, "' is neither a file nor a directory"),
                         "a socket, pipe or device would be a way out of the sandbox");
    }
    refuse_own_files(path, is_writable);
}

std::string checked_bind_destination(const std::string& text) {
    const std::filesystem::path path(text);
    const std::string normal = path.lexically_normal().string();
    if (!path.is_absolute() || normal == "/") {
        throw UsageError(concat("'", text, "' is not a place in the sandbox"),
                         "give an absolute path such as /data");
    }
    for (const std::string_view refused : {"/proc", "/dev", "/sys"}) {
        if (is_below(normal, refused)) {
            throw UsageError(concat("nothing can be bound on '", normal, "'"),
                             "choose a path such as /data");
        }
    }
    if (normal == "/tmp") {
        throw UsageError("/tmp is the job's own scratch space",
                         "bind on a path below it, or on one such as /data");
    }
    return normal.ends_with('/') ? normal.substr(0, normal.size() - 1) : normal;
}

}  // namespace vitrine::runtime
