// One cgroup v2 leaf a job.
//
// Values go through libcgroup (cgroup_values.h); directories, cgroup.kill and cgroup.events do not:
// libcgroup 2.0 writes subtree_control in every ancestor, which fails below a delegation, and its
// delete reports errors on success.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "base/fd.h"

namespace vitrine::limits {

/// What the kernel counted for a leaf. A value this kernel does not keep is empty.
struct CgroupUsage {
    std::uint64_t cpu_user_us = 0;
    std::uint64_t cpu_sys_us = 0;
    std::uint64_t throttled_us = 0;
    std::optional<std::uint64_t> memory_peak;  ///< Bytes; Linux 5.19.
    std::optional<std::uint64_t> pids_peak;    ///< Linux 6.10.
    std::uint64_t pids_limit_hits = 0;         ///< Forks the pids limit refused.
    std::uint64_t oom_kills = 0;               ///< Processes the kernel killed for want of memory.
    bool memory_limit_hit = false;             ///< And it was this leaf's own limit.
};

class CgroupLeaf {
  public:
    /// `path` is below `mount_point`. Takes over an existing leaf.
    CgroupLeaf(std::string mount_point, std::string path);
    ~CgroupLeaf();  ///< Kills what is in it, waits for it to be gone, removes the directory.
    CgroupLeaf(CgroupLeaf&& other) noexcept;
    CgroupLeaf& operator=(CgroupLeaf&&) = delete;
    CgroupLeaf(const CgroupLeaf&) = delete;
    CgroupLeaf& operator=(const CgroupLeaf&) = delete;

    /// For CLONE_INTO_CGROUP. Borrowed.
    int directory_fd() const noexcept { return directory_.get(); }
    const std::string& path() const noexcept { return path_; }

    /// Moves a process in. It takes the kernel longer than a birth in the leaf does.
    void move_in(pid_t pid) const;
    /// Ends every process in the leaf, also those that are being born. cgroup.kill, Linux 5.14;
    /// before that one by one.
    void kill() const;
    /// Waits until no process is in it. False when time is up.
    bool wait_until_empty(std::chrono::milliseconds patience) const;
    CgroupUsage usage() const;

  private:
    bool is_populated() const;
    std::string file(const char* name) const;

    std::string mount_point_;
    std::string path_;
    UniqueFd directory_;
};

}  // namespace vitrine::limits
