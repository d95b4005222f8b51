// A filter as a file: precompiled when Vitrine was built, or kept by an earlier run.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "seccomp/filter.h"

namespace vitrine::seccomp {

/// Everything that decides a program, but for the kernel conditions, which are in the file.
struct FilterKey {
    std::string sha256;  ///< Of the profiles.
    const Architecture* arch = nullptr;
    SubArchitectures sub_architectures = SubArchitectures::kOff;

    /// As text: with the versions of libseccomp and of this format, and a job's capabilities.
    std::string text() const;
};

/// The bytes of the file for `filter`, made of `parts` on `host`.
std::string encode_filter(const Filter& filter, std::span<const ProfilePart> parts,
                          const HostFacts& host);

/// The filter in `bytes`, without its profile name, if it was made for `key` and for a kernel that
/// answers all conditions as `kernel` does; empty when it is damaged or made for something else.
std::optional<Filter> decode_filter(std::string_view bytes, const FilterKey& key,
                                    KernelVersion kernel);

}  // namespace vitrine::seccomp
