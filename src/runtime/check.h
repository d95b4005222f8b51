// Layer 1 alone, for many sources: parsed and judged in a sandbox, never run.
#pragma once

#include <string>
#include <vector>

#include "vitrine/job.h"
#include "vitrine/result.h"

namespace vitrine::runtime {

struct CheckRequest {
    std::vector<Source> sources;
    std::string policy;
    std::string rootfs;    ///< Absolute host path.
    std::string profiles;  ///< Directory of seccomp profiles, with `policy/` in it.
};

/// The findings of each source, in the order of the sources. One sandbox serves them all; one that
/// dies over a source costs that source a finding, and the rest go on in a new one. Throws Error
/// when no sandbox can be had. The calling process must be single-threaded.
std::vector<std::vector<Finding>> check_sources(const CheckRequest& request);

}  // namespace vitrine::runtime
