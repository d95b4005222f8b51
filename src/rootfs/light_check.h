// Comparing a rootfs with its manifest without reading its files.
#pragma once

#include <string>
#include <vector>

#include "rootfs/manifest.h"

namespace vitrine::rootfs {

/// What is missing, or differs in kind, mode or size: milliseconds where hashing takes seconds.
/// Neither added files nor bytes changed in place are noticed; compare() finds both.
std::vector<Difference> compare_lightly(const Manifest& manifest, const std::string& directory);

}  // namespace vitrine::rootfs
