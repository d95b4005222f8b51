// Making a rootfs from an archive somebody else made.
#pragma once

#include <functional>
#include <string>

#include "rootfs/compile.h"
#include "rootfs/manifest.h"

namespace vitrine::rootfs {

struct ImportRequest {
    std::string archive;  ///< `docker save`, an OCI layout as a tar, or a tar of a root.
    std::string output;   ///< Directory to make; one made by us before is replaced.
    std::string source;   ///< What to call the archive; empty for its path.
    std::string recipe;   ///< For the manifest: the recipe's name, or empty.
    /// Has its Python write bytecode for its modules; empty: they keep what they came with.
    RunInside run_inside = {};
    std::function<void(const std::string&)> progress = [](const std::string&) {};
};

/// Unpacks beside `output` and renames at the end, as build() does. Nothing of the archive is
/// followed out of it, or run or compiled, unless in `run_inside`; devices, set-id bits, owners and
/// x bits do not come along. glibc's own libraries are replaced by the host's, which the sandbox's
/// processes already have mapped. Throws Error.
Manifest import_archive(const ImportRequest& request);

}  // namespace vitrine::rootfs
