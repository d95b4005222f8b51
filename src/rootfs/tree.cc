#include "rootfs/tree.h"

#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <vector>

#include "base/error.h"
#include "base/fd.h"

namespace vitrine::rootfs {

namespace {

constexpr unsigned kFileMode = 0444;
constexpr unsigned kProgramMode = 0555;
constexpr unsigned kDirectoryMode = 0755;

std::vector<std::filesystem::directory_entry> sorted_entries(const std::string& directory) {
    std::vector<std::filesystem::directory_entry> entries(
        std::filesystem::directory_iterator(directory), {});
    std::ranges::sort(entries);
    return entries;
}

constexpr std::size_t kPiece = std::size_t{1} << 30;

/// Shares blocks where both ends are on one file system that can, copies them otherwise. False when
/// these two files cannot be copied like this; nothing is written then.
bool copy_range(int from_fd, int to_fd, const std::string& path) {
    for (bool is_first = true;; is_first = false) {
        const ssize_t copied = ::copy_file_range(from_fd, nullptr, to_fd, nullptr, kPiece, 0);
        if (copied == 0) return true;
        if (copied < 0 && is_first) return false;
        check(copied, concat("copying '", path, "'"), "copy_file_range");
    }
}

void copy_content(int from_fd, int to_fd, const std::string& path) {
    if (copy_range(from_fd, to_fd, path)) return;
    while (check(::sendfile(to_fd, from_fd, nullptr, kPiece), concat("copying '", path, "'"),
                 "sendfile") > 0) {
    }
}

}  // namespace

void Tree::make_directory(const std::string& path) {
    for (std::size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
        const std::string part = directory_ + path.substr(0, slash);
        if (::mkdir(part.c_str(), kDirectoryMode) != 0 && errno != EEXIST) {
            throw SystemError(concat("making the directory '", part, "'"), "mkdir");
        }
        if (slash == std::string::npos) return;
    }
}

void Tree::write(const std::string& path, std::string_view content) {
    make_directory(std::filesystem::path(path).parent_path());
    const UniqueFd file =
        open_file(directory_ + path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, kFileMode);
    write_all(file.get(), content);
    check(::fchmod(file.get(), kFileMode), concat("closing '", path, "'"), "fchmod");
    ++files_;
    bytes_ += content.size();
}

void Tree::link(const std::string& path, const std::string& target) {
    make_directory(std::filesystem::path(path).parent_path());
    check(::symlink(target.c_str(), (directory_ + path).c_str()),
          concat("making the link '", path, "'"), "symlink");
}

void Tree::make_executable(const std::string& path) {
    check(::chmod((directory_ + path).c_str(), kProgramMode),
          concat("making '", path, "' executable"), "chmod");
}

void Tree::copy(const std::string& host_path, const std::string& path) {
    if (has(path)) return;
    make_directory(std::filesystem::path(path).parent_path());
    const UniqueFd from = open_file(host_path, O_RDONLY);
    struct stat info{};
    check(::fstat(from.get(), &info), concat("measuring '", host_path, "'"), "fstat");
    const auto [place, is_new] = places_.try_emplace({info.st_dev, info.st_ino}, path);
    ++files_;
    copied_.push_back(host_path);
    if (!is_new) {
        check(::link((directory_ + place->second).c_str(), (directory_ + path).c_str()),
              concat("linking '", path, "'"), "link");
        return;
    }
    const UniqueFd to =
        open_file(directory_ + path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, kFileMode);
    copy_content(from.get(), to.get(), host_path);
    check(::fchmod(to.get(), kFileMode), concat("closing '", path, "'"), "fchmod");
    bytes_ += static_cast<std::uint64_t>(info.st_size);
}

void Tree::copy_all(const std::string& host_path, const std::string& path,
                    const Wanted& is_wanted) {
    if (!is_wanted(host_path)) return;
    if (!std::filesystem::is_directory(host_path)) {
        if (std::filesystem::is_regular_file(host_path)) copy(host_path, path);
        return;
    }
    make_directory(path);
    for (const auto& entry : sorted_entries(host_path)) {
        const std::string name = entry.path().filename();
        copy_all(entry.path(), concat(path, "/", name), is_wanted);
    }
}

bool Tree::has(const std::string& path) const {
    return ::access((directory_ + path).c_str(), F_OK) == 0;
}

}  // namespace vitrine::rootfs
