// A profile, or several intersected, as programs ready to be installed.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "seccomp/program.h"
#include "seccomp/resolve.h"
#include "seccomp/sources.h"

namespace vitrine::seccomp {

/// Where a filter's program came from.
enum class Origin { kPrecompiled, kCache, kCompiled };

struct Filter {
    std::string profile;               ///< As it was asked for: `docker-default+hardened`.
    std::string sha256;                ///< Of the profile's JSON; of several, of their hashes.
    std::string action;                ///< What a call gets that no rule names.
    std::vector<std::string> skipped;  ///< Names that mean nothing here.
    Origin origin = Origin::kCompiled;
    /// Set when libseccomp's own programs are used because ours failed its proof.
    std::string warning;
    std::string cache_problem;  ///< Why it could not be kept for later runs; empty if it was.
    /// To be installed in this order. One, unless the proof failed: then one for each part.
    std::vector<Program> programs;
};

/// Compiles, intersects, shortens and proves; for any host. Throws UsageError: a broken profile.
Filter compile_filter(std::span<const ProfilePart> parts, const HostFacts& host);

/// The same of one profile, for a job on this host.
Filter compile_filter(const std::string& profile_name, std::string_view json);

/// Filter::sha256 of these parts.
std::string sha256_of(std::span<const ProfilePart> parts);

}  // namespace vitrine::seccomp
