// The memory of a whole job, looked at from outside: what stands in for memory.max where there is
// no cgroup.
//
// RLIMIT_DATA bounds each process; this bounds their sum. It sees what is resident and not backed
// by a file (proc_pid_statm(5), smaps_rollup) and what is in the job's /tmp. Between two looks a
// job can go over its limit and back, or over it by what it can touch in that time; memory that no
// process has mapped (a memfd, a System V segment) is not seen.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace vitrine::limits {

class MemoryWatch {
  public:
    /// Between two looks.
    static constexpr std::chrono::milliseconds kInterval{20};

    explicit MemoryWatch(std::uint64_t limit_bytes) : limit_bytes_(limit_bytes) {}

    /// Adds up the memory of `ancestors` and everything that descends from them, and the files on
    /// the file system of `scratch` (the job's /tmp; a path that is not there counts as nothing, as
    /// does a process that ends meanwhile). True when that is over the limit.
    bool look(std::span<const pid_t> ancestors, const std::string& scratch);

    /// The largest sum so far.
    std::uint64_t peak_bytes() const noexcept { return peak_bytes_; }

  private:
    using Clock = std::chrono::steady_clock;

    std::uint64_t limit_bytes_;
    std::uint64_t peak_bytes_ = 0;
    Clock::time_point next_near_limit_;
    Clock::time_point next_for_peak_;
};

/// `ancestors` and everything that descends from them, by /proc/PID/task/TID/children.
std::vector<pid_t> descendants_of(std::span<const pid_t> ancestors);

}  // namespace vitrine::limits
