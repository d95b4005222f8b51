// Finding the Python in a tree that Vitrine did not build, without running anything of it.
#pragma once

#include <string>

#include "rootfs/description.h"

namespace vitrine::rootfs {

/// Throws UsageError with the reason when no job could run in the tree: musl instead of glibc, no
/// shared libpython, a Python of another minor version, a library libpython needs is missing, a
/// glibc newer than the host's.
PythonDescription find_python(const std::string& directory);

}  // namespace vitrine::rootfs
