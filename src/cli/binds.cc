#include "cli/binds.h"

#include <sys/stat.h>

#include <array>
#include <filesystem>

#include "base/error.h"
#include "base/file.h"

namespace vitrine::cli {

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
void refuse_own_files(const std::string& path, BindAccess access) {
    for (const std::string& own : own_files()) {
        const bool holds_it = access == BindAccess::kReadWrite && is_below(own, path);
        if (!is_below(path, own) && !(holds_it && fs::exists(own))) continue;
        throw UsageError(concat("'", path, "' holds Vitrine's own files"),
                         "bind a directory of data instead");
    }
}

void check_source(const std::string& path, BindAccess access) {
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
    refuse_own_files(path, access);
}

std::string checked_destination(const std::string& text) {
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

Bind make_bind(const std::string& source, const std::string& destination, BindAccess access) {
    std::error_code error;
    const std::string path = fs::canonical(source, error);
    if (error) {
        throw UsageError(concat("'", source, "' cannot be bound: ", error.message()),
                         "check the path; it is the host's");
    }
    check_source(path, access);
    return {path, checked_destination(destination.empty() ? path : destination),
            access == BindAccess::kReadWrite};
}

}  // namespace

Bind parse_bind(const std::string& text, BindAccess access) {
    const std::size_t colon = text.find(':');
    const std::string source = text.substr(0, colon);
    if (source.empty()) throw UsageError(concat("'", text, "' names nothing to bind"), "SRC[:DST]");
    const std::string rest = colon == std::string::npos ? "" : text.substr(colon + 1);
    const std::size_t second = rest.find(':');
    const std::string mode = access == BindAccess::kReadOnly ? "ro" : "rw";
    if (second != std::string::npos && rest.substr(second + 1) != mode) {
        throw UsageError(
            concat("'", text, "' has '", rest.substr(second + 1), "' after its destination"),
            "use SRC[:DST]; --ro-bind is always read-only, --bind never");
    }
    return make_bind(source, rest.substr(0, second), access);
}

Bind parse_volume(const std::string& text) {
    const std::string hint = "use -v SRC:DST, or -v SRC:DST:ro for a read-only one";
    const std::size_t first = text.find(':');
    if (first == 0 || first == std::string::npos || first + 1 == text.size()) {
        throw UsageError(concat("'", text, "' is no volume"), hint);
    }
    const std::size_t second = text.find(':', first + 1);
    const std::string mode = second == std::string::npos ? "rw" : text.substr(second + 1);
    if (mode != "ro" && mode != "rw") {
        throw UsageError(concat("'", mode, "' is no way to bind a volume"), hint);
    }
    return make_bind(text.substr(0, first), text.substr(first + 1, second - first - 1),
                     mode == "ro" ? BindAccess::kReadOnly : BindAccess::kReadWrite);
}

}  // namespace vitrine::cli
