// Making a rootfs from Debian's packages alone, whatever Python the host has.
#pragma once

#include <functional>
#include <string>

#include "rootfs/compile.h"
#include "rootfs/manifest.h"
#include "rootfs/recipe.h"

namespace vitrine::rootfs {

struct DebianRequest {
    Recipe recipe;       ///< With a suite and packages.
    std::string output;  ///< Directory to make; one made by us before is replaced.
    /// Has its Python write bytecode for its modules; empty: it has none.
    RunInside run_inside = {};
    std::function<void(const std::string&)> progress = [](const std::string&) {};
};

/// Has mmdebstrap fetch, verify and unpack the packages with all they need, none of their scripts
/// run, and imports what that makes. Needs a mirror, and no privilege. Throws Error.
Manifest build_from_debian(const DebianRequest& request);

}  // namespace vitrine::rootfs
