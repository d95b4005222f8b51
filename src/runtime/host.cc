#include "runtime/host.h"

#include <unistd.h>

#include <array>
#include <filesystem>
#include <sstream>

#include "base/error.h"
#include "base/file.h"

namespace vitrine::runtime {

namespace {

/// Host ids that systemd's UIDs-GIDS page lists as unused: 1879048192 … 2147483647. One per
/// supervisor, so that no two jobs share the kernel's per-user counters.
constexpr std::uint32_t kFirstHostId = 1879048192;

/// Whether `id` means anybody in the user namespace we are in: root of a container may have only a
/// few ids to give.
bool is_mapped(std::uint32_t id) {
    std::istringstream map(read_file("/proc/self/uid_map", 65536));
    std::uint64_t inside = 0;
    std::uint64_t outside = 0;
    for (std::uint64_t count = 0; map >> inside >> outside >> count;) {
        if (id >= inside && id - inside < count) return true;
    }
    return false;
}

}  // namespace

HostIdentity host_identity() {
    HostIdentity identity;
    const auto own = kFirstHostId + static_cast<std::uint32_t>(::getpid());
    identity.is_privileged = ::geteuid() == 0 && is_mapped(own);
    identity.map = {.inside_uid = 0,
                    .inside_gid = 0,
                    .outside_uid = identity.is_privileged ? own : ::geteuid(),
                    .outside_gid = identity.is_privileged ? own : ::getegid(),
                    .deny_setgroups = !identity.is_privileged};
    return identity;
}

InstalledFiles installed_files() {
    const std::filesystem::path here = executable_directory();
    const std::array<InstalledFiles, 2> layouts{
        {{here / "profiles", here / "rootfs/minimal"},
         {here.parent_path() / "share/vitrine/profiles",
          here.parent_path() / "lib/vitrine/rootfs/minimal"}}};
    for (const InstalledFiles& layout : layouts) {
        if (std::filesystem::is_directory(layout.profiles)) return layout;
    }
    throw Error(concat("Vitrine's profiles are neither in '", layouts[0].profiles, "' nor in '",
                       layouts[1].profiles, "'"),
                "run 'meson install', or run vitrine from its build directory");
}

}  // namespace vitrine::runtime
