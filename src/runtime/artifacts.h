// Collecting what a job left in /tmp/out, once nothing of it is alive any more.
//
// Everything there is the job's making: names, links, sizes, kinds of file. Nothing is trusted, and
// nothing but new regular files and directories is made on the host.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "vitrine/result.h"

namespace vitrine::runtime {

struct ArtifactLimits {
    std::uint64_t bytes = 0;     ///< Of all files together.
    std::uint64_t files = 1000;  ///< Collected and refused together; the rest is not looked at.
    std::uint64_t depth = 32;    ///< Directories in each other.
};

struct Artifacts {
    std::vector<Artifact> collected;
    std::vector<RefusedArtifact> refused;
};

/// Copies the regular files below `out` of the directory `tmp_fd` into `target`, which is made
/// where it does not exist; files there of the same name are replaced. Copies have mode 0644 and
/// the caller's owner. Symbolic links, fifos, sockets, devices, names with control characters or
/// no UTF-8, and what exceeds the limits, sparse files by their full length, are refused and said
/// so. Throws SystemError when `target` cannot be made or opened.
Artifacts collect_artifacts(int tmp_fd, const std::string& target, const ArtifactLimits& limits);

}  // namespace vitrine::runtime
