// Reading tar archives, plain or compressed, entry by entry. The only user of libarchive.
//
// What is in an archive is somebody else's word: names, links, sizes and modes are handed on as
// they are, for the caller to judge.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace vitrine::rootfs {

struct ArchiveEntry {
    enum class Kind : std::uint8_t { kFile, kDirectory, kSymlink, kHardLink, kOther };

    std::string path;
    Kind kind = Kind::kOther;
    std::string target;      ///< Of a link.
    std::int64_t mtime = 0;  ///< Seconds since 1970.
    std::uint64_t size = 0;  ///< As announced; the content may be shorter.
};

/// One pass through one archive: tar (ustar, pax, GNU), plain, gzip or zstd.
class ArchiveReader {
  public:
    /// Fills the buffer and returns how much came; 0 at the end.
    using Source = std::function<std::size_t(std::span<std::byte>)>;

    /// Throws Error, also from every other call, when the bytes are no such archive.
    explicit ArchiveReader(const std::string& path);
    explicit ArchiveReader(Source source);
    ~ArchiveReader();
    ArchiveReader(const ArchiveReader&) = delete;
    ArchiveReader& operator=(const ArchiveReader&) = delete;

    /// The next entry, or nothing at the end.
    std::optional<ArchiveEntry> next();
    /// More of the current entry's content: how much came; 0 at its end. Holes read as zeros.
    std::size_t read(std::span<std::byte> buffer);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace vitrine::rootfs
