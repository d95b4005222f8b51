// Writing the files of a rootfs: read-only, without an x bit, never through a symbolic link.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vitrine::rootfs {

/// A directory tree in the making. Paths are absolute, as inside the tree.
class Tree {
  public:
    /// `directory` must exist and be empty.
    explicit Tree(std::string directory) : directory_(std::move(directory)) {}

    const std::string& directory() const noexcept { return directory_; }

    /// Makes a directory and those above it, mode 0755.
    void make_directory(const std::string& path);
    /// A file of mode 0444.
    void write(const std::string& path, std::string_view content);
    void link(const std::string& path, const std::string& target);
    /// Gives a file of the tree mode 0555.
    void make_executable(const std::string& path);
    /// Copies what the host file holds (through symbolic links); mode 0444. A file that is there
    /// already stays. Blocks are shared with the host's file where the file system can (reflinks);
    /// a file the host has under several names is one file here too (hard links). Never a hard link
    /// to the host's own file: that one has the host's mode, and changes with the host.
    void copy(const std::string& host_path, const std::string& path);
    /// Copies a host directory, or a file, for which `is_wanted(path)` holds; a directory that is
    /// not wanted is left out whole. Symbolic links become what they point at.
    using Wanted = std::function<bool(const std::string& host_path)>;
    void copy_all(const std::string& host_path, const std::string& path, const Wanted& is_wanted);

    bool has(const std::string& path) const;
    /// Host paths of all that was copied, in that order.
    const std::vector<std::string>& copied() const noexcept { return copied_; }
    std::uint64_t files() const noexcept { return files_; }
    std::uint64_t bytes() const noexcept { return bytes_; }

  private:
    std::string directory_;
    std::vector<std::string> copied_;
    /// Where in the tree a file of the host is already.
    std::map<std::pair<dev_t, ino_t>, std::string> places_;
    std::uint64_t files_ = 0;
    std::uint64_t bytes_ = 0;
};

}  // namespace vitrine::rootfs
