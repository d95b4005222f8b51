// Files below a directory that somebody else has filled: openat2(2) that never leaves it.
#pragma once

#include <string>

#include "base/fd.h"

namespace vitrine::kernel {

/// Opens `path` below the directory `dir_fd` with openat2(2): no component may be a symbolic link,
/// a magic link, `..` out of the directory, or on another mount. Flags get O_CLOEXEC, O_NOCTTY and
/// O_NONBLOCK. Throws SystemError: ELOOP for a link, EXDEV for what leads out.
UniqueFd open_beneath(int dir_fd, const std::string& path, int flags, unsigned mode = 0);

}  // namespace vitrine::kernel
