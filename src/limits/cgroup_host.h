// What a host has of cgroups, and where this process is in them. Reads only.
#pragma once

#include <string>
#include <vector>

namespace vitrine::limits {

/// Where the files of a host are, for tests.
struct CgroupSources {
    std::string mountinfo = "/proc/self/mountinfo";
    std::string own_cgroup = "/proc/self/cgroup";
    /// Exists where systemd is the host's init: sd_booted(3).
    std::string systemd = "/run/systemd/system";
};

struct CgroupHost {
    std::string mount_point;  ///< Of the v2 hierarchy; empty when there is none.
    bool is_read_only = false;
    /// This process's cgroup below the mount point, with a leading `/`; empty at its top.
    std::string own_path;
    std::vector<std::string> v1_controllers;  ///< Those that this process has a v1 cgroup in.
    bool has_systemd = false;
};

CgroupHost look_at_host(const CgroupSources& sources);

/// The words of `directory`/`file`: `cgroup.controllers`, `cgroup.subtree_control`.
std::vector<std::string> read_words(const std::string& directory, const char* file);

/// Those of `wanted` that are not in `present`.
std::vector<std::string> missing_from(const std::vector<std::string>& present,
                                      const std::vector<std::string>& wanted);

/// True when no process but this one is directly in the cgroup.
bool is_alone_in(const std::string& directory);

/// systemd's mark of a unit with Delegate=: the part of the tree below it is the unit's own.
bool is_marked_delegated(const std::string& directory);

/// The calling process may make cgroups below `directory` and move itself into them.
bool may_manage(const std::string& directory);

}  // namespace vitrine::limits
