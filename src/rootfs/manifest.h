// What a rootfs consists of, to the last file: /.vitrine/manifest.json in it.
//
// The run path never reads it; `rootfs verify` and `rootfs show` do.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "rootfs/description.h"

namespace vitrine::rootfs {

/// One directory, file or symbolic link of a tree. Paths are absolute, as inside it.
struct Entry {
    enum class Kind : std::uint8_t { kDirectory, kFile, kLink, kOther };

    std::string path;
    Kind kind = Kind::kFile;
    std::uint32_t mode = 0;  ///< Permission bits, set-id bits included; 0 for links.
    std::uint64_t size = 0;  ///< Of a file.
    std::string sha256;      ///< Of a file.
    std::string target;      ///< Of a link.

    bool operator==(const Entry&) const = default;
};

struct Manifest {
    std::string content_id;  ///< See content_id().
    std::string builder;     ///< `vitrine 0.1.0`
    std::string source;      ///< What it was made from: an interpreter, an archive.
    std::string recipe;      ///< Empty when no recipe was used.
    PythonDescription python;
    std::vector<Entry> entries;  ///< Sorted by path; the manifest itself is not among them.
};

inline constexpr const char* kManifestFile = "/.vitrine/manifest.json";

/// Everything below `directory` but its manifest and its snapshot, sorted by path, read without
/// following any link. Throws SystemError for what cannot be read.
std::vector<Entry> scan(const std::string& directory);

/// `sha256:…` over every entry: two trees with the same id hold the same bytes at the same paths
/// with the same modes. Times and owners do not count.
std::string content_id(const std::vector<Entry>& entries);

/// Bytes of all files together.
std::uint64_t total_bytes(const std::vector<Entry>& entries);

std::string encode_manifest(const Manifest& manifest);
/// Throws Error on what is no manifest.
Manifest decode_manifest(const std::string& text);

/// Reads the manifest of the rootfs in `directory`. Throws UsageError when it has none, or one that
/// cannot be read.
Manifest read_manifest(const std::string& directory);

/// How a tree differs from its manifest.
struct Difference {
    enum class Kind : std::uint8_t { kChanged, kMissing, kAdded } kind;
    std::string path;
    std::string detail;  ///< `mode 0644, was 0444`; empty where the kind says it all.
};

/// Both sorted by path, as scan() and decode_manifest() give them.
std::vector<Difference> compare(const std::vector<Entry>& expected,
                                const std::vector<Entry>& actual);

}  // namespace vitrine::rootfs
