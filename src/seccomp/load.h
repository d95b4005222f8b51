// A profile by name or path, ready to be installed, without compiling it where that was done
// before.
#pragma once

#include <string>

#include "seccomp/filter.h"

namespace vitrine::seccomp {

struct FilterSources {
    std::string profiles_directory;
    std::string cache_directory;  ///< Of compiled programs; empty for none.
};

/// The filter of `A+B+…` for a job on this host. A program that was compiled before, when Vitrine
/// was built (`DIRECTORY/A+B.bpf`) or by an earlier run, saves compiling and proving (10 to 30 ms)
/// if everything that went into it is unchanged. Throws UsageError: no such profile, or a broken
/// one.
Filter load_filter(const std::string& profile, const FilterSources& sources,
                   SubArchitectures sub_architectures = SubArchitectures::kOff);

}  // namespace vitrine::seccomp
