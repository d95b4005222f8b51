// What every rootfs has, wherever its Python came from: the last steps of building one.
#pragma once

#include <string>

#include "rootfs/manifest.h"
#include "rootfs/tree.h"

namespace vitrine::rootfs {

/// /etc as a job needs it (users, hosts, no name service), and the empty directories the sandbox
/// mounts on. What is there already stays.
void add_small_files(Tree& tree);

/// Writes what the tree says about itself: the description, which the run path reads, then the
/// manifest. A tree with a manifest is complete.
Manifest complete(Tree& tree, const PythonDescription& python, const std::string& source,
                  const std::string& recipe);

}  // namespace vitrine::rootfs
