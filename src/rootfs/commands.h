// Programs of the host that a rootfs is to hold beside its Python.
#pragma once

#include <string>
#include <vector>

#include "rootfs/tree.h"

namespace vitrine::rootfs {

/// Where the host has `command`: a path, or a name in PATH. Throws UsageError when there is none or
/// it is no ELF program.
std::string find_command(const std::string& command);

/// Copies the program at `path` to /usr/bin, and the loader it asks for to where it asks for it.
/// They are the only files of a rootfs with an x bit. Their libraries are the caller's.
void copy_command(Tree& tree, const std::string& path);

}  // namespace vitrine::rootfs
