// Applying the layers of an image to a directory.
//
// Whatever the layers say, nothing is written outside of the directory, and what is written is
// directories (0755), regular files (0444) and symbolic links that do not lead out.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "base/fd.h"
#include "rootfs/archive_reader.h"

namespace vitrine::rootfs {

struct UnpackLimits {
    std::uint64_t bytes = std::uint64_t{16} << 30U;  ///< Content of all files, holes included.
    std::uint64_t entries = 1'000'000;
};

class Unpacker {
  public:
    /// `directory` must exist; `limits` hold for all layers together.
    explicit Unpacker(const std::string& directory, const UnpackLimits& limits = {});

    /// Puts one layer on those before it: whiteouts remove, hard links link, names replace. Throws
    /// Error when a path has `..` in it, when a limit is exceeded, or the archive is damaged.
    void apply(ArchiveReader& layer);

    /// Devices, fifos, sockets, and names that cannot be shown: left out.
    std::uint64_t left_out() const noexcept { return left_out_; }

  private:
    void take(ArchiveReader& layer, const ArchiveEntry& entry, const std::string& path);
    bool take_whiteout(const std::string& parent, const std::string& name);
    void write_file(ArchiveReader& layer, const ArchiveEntry& entry, int parent_fd,
                    const std::string& name);
    void link_file(const ArchiveEntry& entry, int parent_fd, const std::string& name);
    UniqueFd directory(const std::string& path) const;
    static std::string host_path(int parent_fd, const std::string& name);

    UniqueFd root_;
    UnpackLimits limits_;
    std::set<std::string> added_;  ///< By the current layer: whiteouts are about those below it.
    std::uint64_t bytes_ = 0;
    std::uint64_t entries_ = 0;
    std::uint64_t left_out_ = 0;
};

/// `path` without leading and doubled slashes and dots: `usr/lib`; empty for the root. Throws Error
/// when `..` is in it.
std::string clean_path(const std::string& path);

/// The target of a symbolic link at `path`, so that it leads to the same place below the root when
/// it is followed from outside: relative, with no more `..` than there are directories.
std::string contained_target(const std::string& path, const std::string& target);

}  // namespace vitrine::rootfs
