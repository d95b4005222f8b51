// The versions of CPython a rootfs may hold: those src/python knows the memory layout of.
#pragma once

#include <string>

namespace vitrine::rootfs {

inline constexpr int kOldestMinor = 9;
inline constexpr int kNewestMinor = 13;

/// For messages.
inline constexpr const char* kSupportedVersions = "3.9 to 3.13";

/// `version` is `3.12`.
inline bool is_supported(const std::string& version) {
    for (int minor = kOldestMinor; minor <= kNewestMinor; ++minor) {
        if (version == "3." + std::to_string(minor)) return true;
    }
    return false;
}

}  // namespace vitrine::rootfs
