// Compiled filters on disk, one file each, for later runs.
//
// A program in here is installed as it is, so nobody else may be able to put one there: the
// directory and all above it, and the file, must belong to this user or to root and be writable by
// no other. What is not so is left alone and the profile compiled. Many runs may use one cache at
// a time: files are replaced whole.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "seccomp/stored.h"

namespace vitrine::seccomp {

inline constexpr std::size_t kMaxStoredFilter = std::size_t{1} << 20;

class Cache {
  public:
    /// `directory` is made when the first filter is kept; empty for a cache that keeps nothing.
    explicit Cache(std::string directory) : directory_(std::move(directory)) {}

    /// The filter kept for `key`; empty when there is none, or one that is damaged or not to be
    /// trusted.
    std::optional<Filter> get(const FilterKey& key, KernelVersion kernel) const;

    /// Keeps what encode_filter made, and returns why it could not, or nothing: a cache that cannot
    /// be written to costs time, not the run. At most 256 files are kept, the newest.
    std::string put(const FilterKey& key, KernelVersion kernel, std::string_view bytes) const;

  private:
    std::string path_of(const FilterKey& key, KernelVersion kernel) const;

    std::string directory_;
};

/// `$XDG_CACHE_HOME/vitrine`, or `~/.cache/vitrine`; for root without XDG_CACHE_HOME
/// `/var/cache/vitrine`. Empty when there is no home either.
std::string default_cache_directory();

}  // namespace vitrine::seccomp
