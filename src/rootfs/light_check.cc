#include "rootfs/light_check.h"

#include <sys/stat.h>

#include "base/error.h"

namespace vitrine::rootfs {

namespace {

Entry::Kind kind_of(mode_t mode) {
    if (S_ISDIR(mode)) return Entry::Kind::kDirectory;
    if (S_ISLNK(mode)) return Entry::Kind::kLink;
    return S_ISREG(mode) ? Entry::Kind::kFile : Entry::Kind::kOther;
}

/// Empty when it is as the manifest has it.
std::string difference(const Entry& entry, const struct stat& info) {
    constexpr mode_t kPermissions = 07777;
    if (kind_of(info.st_mode) != entry.kind) return "it is of another kind";
    if (entry.kind != Entry::Kind::kLink && (info.st_mode & kPermissions) != entry.mode) {
        return "its mode was changed";
    }
    const auto size = static_cast<std::uint64_t>(info.st_size);
    if (entry.kind != Entry::Kind::kFile || size == entry.size) return {};
    return concat(size, " bytes, was ", entry.size);
}

}  // namespace

std::vector<Difference> compare_lightly(const Manifest& manifest, const std::string& directory) {
    std::vector<Difference> differences;
    for (const Entry& entry : manifest.entries) {
        struct stat info{};
        if (::lstat((directory + entry.path).c_str(), &info) != 0) {
            differences.push_back({Difference::Kind::kMissing, entry.path, {}});
        } else if (std::string detail = difference(entry, info); !detail.empty()) {
            differences.push_back({Difference::Kind::kChanged, entry.path, std::move(detail)});
        }
    }
    return differences;
}

}  // namespace vitrine::rootfs
