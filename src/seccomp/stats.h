// How large a profile is: what a reader of its file would count.
#pragma once

#include <cstddef>
#include <string_view>

#include "seccomp/profile.h"

namespace vitrine::seccomp {

struct Stats {
    std::size_t bytes = 0;
    std::size_t lines = 0;           ///< One that lacks its line feed counts as well.
    std::size_t groups = 0;          ///< Entries of `syscalls`.
    std::size_t names = 0;           ///< In all groups; repeats count.
    std::size_t distinct_names = 0;  ///< Each once.
    std::size_t conditions = 0;      ///< Entries of `args`.
    std::size_t architectures = 0;   ///< Entries of `archMap`, or of the OCI's `architectures`.
};

/// Counts `profile`, which was parsed from `json`.
Stats count_profile(std::string_view json, const Profile& profile);

}  // namespace vitrine::seccomp
