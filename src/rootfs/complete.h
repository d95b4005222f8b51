// What every rootfs has, wherever its Python came from: the last steps of building one.
#pragma once

#include <string>

#include "rootfs/manifest.h"
#include "rootfs/tree.h"

namespace vitrine::rootfs {

/// /etc as a job needs it (users, hosts, no name service), and the empty directories the sandbox
/// mounts on. What is there already stays.
void add_small_files(Tree& tree);

/// Writes what the tree says of its Python: jobs can run in it from then on.
void describe(Tree& tree, const PythonDescription& python);

/// Writes the manifest of a tree that is described. A tree with a manifest is complete.
Manifest complete(Tree& tree, const PythonDescription& python, const std::string& source,
                  const std::string& recipe);

}  // namespace vitrine::rootfs
