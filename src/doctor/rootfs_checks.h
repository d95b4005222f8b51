// The rootfs that programs run in, and the Pythons of the host that one can be made from.
#pragma once

#include <string>

#include "doctor/check.h"

namespace vitrine::doctor {

/// Is it there, is its Python one that Vitrine runs, is it as it was built (a light look)?
Check check_rootfs(const std::string& directory);

/// Asks every Python in PATH and in the usual directories what it is.
Check check_host_pythons();

}  // namespace vitrine::doctor
