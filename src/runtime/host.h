// What this host and this caller allow.
#pragma once

#include <cstdint>
#include <string>

#include "sandbox/identity.h"

namespace vitrine::runtime {

/// Who the job is outside: an unprivileged host id. For root it is one of its own, for anybody
/// else the caller's.
struct HostIdentity {
    bool is_privileged = false;  ///< The supervisor may map ids, take mounts and empty groups.
    sandbox::IdMap map;          ///< Of the zygote's user namespace: 0 there is this id here.
};
HostIdentity host_identity();

/// Where profiles and the default rootfs are: beside the executable in a build tree, below the
/// prefix when installed.
struct InstalledFiles {
    std::string profiles;  ///< Directory of seccomp profiles, with `policy/` in it.
    std::string rootfs;    ///< The default rootfs; may not exist yet.
};
/// Throws Error when the profiles are nowhere.
InstalledFiles installed_files();

}  // namespace vitrine::runtime
