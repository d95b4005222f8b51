// The flags of the verbs that look at the host: doctor and selftest.
#pragma once

#include <span>
#include <string>

namespace vitrine::cli {

struct HostFlags {
    std::string rootfs;    ///< Absolute path.
    std::string profiles;  ///< Directory of seccomp profiles.
    bool is_json = false;
};

/// What the help of such a verb says.
struct HostVerb {
    const char* name;   ///< `doctor`.
    const char* about;  ///< One sentence.
    const char* rootfs_help;
    const char* examples;
};

/// False when the words only asked for help, which was written then. Throws UsageError.
bool parse_host_flags(const HostVerb& verb, std::span<const std::string> words, HostFlags& flags);

}  // namespace vitrine::cli
