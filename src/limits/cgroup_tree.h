// The part of the host's cgroup v2 tree in which this process makes a leaf for every job.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "base/causes.h"
#include "limits/cgroup.h"
#include "limits/cgroup_host.h"
#include "limits/owner.h"
#include "vitrine/job.h"

namespace vitrine::limits {

/// Why a host's cgroups cannot be used, and what its owner can do about it.
using Unavailable = Advice;

class CgroupTree {
  public:
    /// Finds the place, or says why there is none:
    /// - a cgroup that systemd marked as delegated to this process (a service with Delegate=yes),
    /// or
    ///   one that belongs to the caller where no systemd keeps the tree: there this process moves
    ///   into a group of its own first, since a cgroup with processes cannot have limited children;
    /// - for root, `vitrine` at the top;
    /// - for anybody else under systemd, a transient scope, which this process moves into.
    static std::expected<CgroupTree, Unavailable> discover(const CgroupSources& sources = {});

    /// Makes a leaf and writes every limit: what `limits` does not name is written as unlimited.
    /// `own_processes` are allowed on top of `limits.pids`. Throws Error.
    CgroupLeaf make_leaf(const Limits& limits, std::uint64_t own_processes) const;

    /// Removes the leaves of supervisors that were killed, and whatever is still in them; never
    /// those of a living one or of an unknown owner. Returns how many.
    int sweep() const;

    const std::string& path() const noexcept { return path_; }
    const std::string& mount_point() const noexcept { return mount_point_; }

  private:
    CgroupTree(std::string mount_point, std::string path);

    std::string mount_point_;
    std::string path_;  ///< Below the mount point, with a leading `/`; empty for its top.
    Owner self_;
};

}  // namespace vitrine::limits
