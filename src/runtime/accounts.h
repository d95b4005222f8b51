// The job's own entries in /etc/passwd and /etc/group.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sandbox/spec.h"

namespace vitrine::runtime {

/// What stands in for the rootfs's /etc/passwd and /etc/group so that the job's ids have names: the
/// rootfs's own lines and one more. Nothing for a file that knows the id already, or that is no
/// regular file of the rootfs's own. Throws SystemError.
std::vector<sandbox::MadeFile> name_ids(const std::string& rootfs, std::uint32_t uid,
                                        std::uint32_t gid);

}  // namespace vitrine::runtime
