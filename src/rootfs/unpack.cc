#include "rootfs/unpack.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <vector>

#include "base/error.h"
#include "kernel/mount.h"
#include "rootfs/description.h"

namespace vitrine::rootfs {

namespace {

namespace fs = std::filesystem;

constexpr unsigned kFileMode = 0444;
constexpr unsigned kDirectoryMode = 0755;
constexpr std::string_view kWhiteout = ".wh.";
constexpr std::string_view kOpaque = ".wh..wh..opq";
/// Ours to write: a description from elsewhere would be believed.
constexpr std::string_view kOwnDirectory = ".vitrine";

std::vector<std::string> components(const std::string& path) {
    std::vector<std::string> parts;
    for (const fs::path& part : fs::path(path)) {
        const std::string name = part;
        if (!name.empty() && name != "." && name != "/") parts.push_back(name);
    }
    return parts;
}

std::string joined(const std::vector<std::string>& parts) {
    std::string path;
    for (const std::string& part : parts)
        path += concat(path.empty() ? "" : "/", part);
    return path;
}

bool has_control_character(const std::string& path) {
    return std::ranges::any_of(path, [](char character) {
        return static_cast<unsigned char>(character) < 0x20 || character == 0x7f;
    });
}

bool is_own(const std::string& path) {
    return path == kOwnDirectory || path.starts_with(concat(kOwnDirectory, "/"));
}

std::string parent_of(const std::string& path) {
    return fs::path(path).parent_path();
}

bool is_directory(int parent_fd, const std::string& name) {
    struct stat info{};
    return ::fstatat(parent_fd, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISDIR(info.st_mode);
}

}  // namespace

std::string clean_path(const std::string& path) {
    const std::vector<std::string> parts = components(path);
    if (std::ranges::find(parts, "..") != parts.end()) {
        throw Error(concat("the archive names '", path, "', which leads out of it"),
                    "it was made to do harm, or by a broken tool: it is not imported");
    }
    return joined(parts);
}

std::string contained_target(const std::string& path, const std::string& target) {
    std::vector<std::string> place =
        target.starts_with('/') ? std::vector<std::string>{} : components(parent_of(path));
    for (const std::string& part : components(target)) {
        if (part != "..") {
            place.push_back(part);
        } else if (!place.empty()) {
            place.pop_back();  // Above the root is the root, as it is for a process inside.
        }
    }
    std::string relative;
    for (std::size_t depth = components(parent_of(path)).size(); depth > 0; --depth)
        relative += "../";
    relative += joined(place);
    if (relative.empty()) return ".";
    return relative;
}

Unpacker::Unpacker(const std::string& directory, const UnpackLimits& limits)
    : root_(open_file(directory, O_PATH | O_DIRECTORY)), limits_(limits) {}

void Unpacker::apply(ArchiveReader& layer) {
    added_.clear();
    while (const auto entry = layer.next()) {
        if (++entries_ > limits_.entries) {
            throw Error(concat("the archive has more than ", limits_.entries, " entries"));
        }
        const std::string path = clean_path(entry->path);
        if (path.empty() || is_own(path)) continue;
        with_context(concat("unpacking '", path, "'"), [&] { take(layer, *entry, path); });
    }
}

void Unpacker::take(ArchiveReader& layer, const ArchiveEntry& entry, const std::string& path) {
    const std::string name = fs::path(path).filename();
    if (has_control_character(path) || entry.kind == ArchiveEntry::Kind::kOther) {
        ++left_out_;
        return;
    }
    if (take_whiteout(parent_of(path), name)) return;
    const UniqueFd parent = directory(parent_of(path));
    added_.insert(path);
    if (entry.kind == ArchiveEntry::Kind::kDirectory) {
        if (is_directory(parent.get(), name)) return;
    }
    // Before a hard link is made of it, what is there must not be removed.
    if (entry.kind == ArchiveEntry::Kind::kHardLink) {
        return link_file(entry, parent.get(), name);
    }
    fs::remove_all(host_path(parent.get(), name));
    switch (entry.kind) {
        case ArchiveEntry::Kind::kDirectory:
            check(::mkdirat(parent.get(), name.c_str(), kDirectoryMode), "making it", "mkdirat");
            break;
        case ArchiveEntry::Kind::kSymlink:
            check(::symlinkat(contained_target(path, entry.target).c_str(), parent.get(),
                              name.c_str()),
                  "making it", "symlinkat");
            break;
        default:
            write_file(layer, entry, parent.get(), name);
    }
}

bool Unpacker::take_whiteout(const std::string& parent, const std::string& name) {
    if (!name.starts_with(kWhiteout)) return false;
    const UniqueFd place = directory(parent);
    if (name != kOpaque) {
        const std::string hidden = name.substr(kWhiteout.size());
        if (!hidden.empty() && hidden != "." && hidden != "..") {
            fs::remove_all(host_path(place.get(), hidden));
        }
        return true;
    }
    for (const auto& entry : fs::directory_iterator(host_path(place.get(), "."))) {
        const std::string below = entry.path().filename();
        const std::string path = parent.empty() ? below : concat(parent, "/", below);
        if (!added_.contains(path)) fs::remove_all(entry.path());
    }
    return true;
}

void Unpacker::write_file(ArchiveReader& layer, const ArchiveEntry& entry, int parent_fd,
                          const std::string& name) {
    const UniqueFd file(
        check(::openat(parent_fd, name.c_str(),
                       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kFileMode),
              "making it", "openat"));
    std::array<std::byte, 1U << 16U> buffer;
    for (std::size_t got = 0; (got = layer.read(buffer)) > 0;) {
        bytes_ += got;
        if (bytes_ > limits_.bytes) {
            throw Error(concat("the archive holds more than ", limits_.bytes, " bytes"));
        }
        write_all(file.get(), std::span(buffer).first(got));
    }
    check(::fchmod(file.get(), kFileMode), "closing it", "fchmod");
    // Bytecode beside its source is valid only for the source's time.
    const std::array<timespec, 2> times{
        {{.tv_sec = entry.mtime, .tv_nsec = 0}, {.tv_sec = entry.mtime, .tv_nsec = 0}}};
    (void)::futimens(file.get(), times.data());
}

void Unpacker::link_file(const ArchiveEntry& entry, int parent_fd, const std::string& name) {
    const std::string target = clean_path(entry.target);
    const UniqueFd place = directory(parent_of(target));
    const std::string base = fs::path(target).filename();
    struct stat info{};
    check(::fstatat(place.get(), base.c_str(), &info, AT_SYMLINK_NOFOLLOW),
          concat("finding '", target, "'"), "fstatat");
    if (!S_ISREG(info.st_mode)) throw Error(concat("'", target, "' is no file to link to"));
    struct stat there{};
    if (::fstatat(parent_fd, name.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0) {
        if (there.st_ino == info.st_ino) return;
        fs::remove_all(host_path(parent_fd, name));
    }
    check(::linkat(place.get(), base.c_str(), parent_fd, name.c_str(), 0), "linking it", "linkat");
}

/// Links that an earlier entry made are followed, but never out of the root.
UniqueFd Unpacker::directory(const std::string& path) const {
    try {
        UniqueFd found = kernel::open_in_root(root_.get(), path.empty() ? "." : path);
        struct stat info{};
        check(::fstat(found.get(), &info), "looking at a directory", "fstat");
        if (S_ISDIR(info.st_mode)) return found;
        throw Error(concat("'", path, "' is no directory"));
    } catch (const SystemError& error) {
        if (error.error_number() != ENOENT || path.empty()) throw;
    }
    const UniqueFd parent = directory(parent_of(path));
    const std::string name = fs::path(path).filename();
    check(::mkdirat(parent.get(), name.c_str(), kDirectoryMode), concat("making '", path, "'"),
          "mkdirat");
    return kernel::open_in_root(root_.get(), path);
}

/// By the open directory, not by the path that led to it: no link can redirect it.
std::string Unpacker::host_path(int parent_fd, const std::string& name) {
    return concat("/proc/self/fd/", parent_fd, "/", name);
}

}  // namespace vitrine::rootfs
