#include "limits/cgroup.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <thread>

#include "base/error.h"
#include "base/file.h"
#include "limits/cgroup_values.h"

namespace vitrine::limits {

namespace {

constexpr std::chrono::milliseconds kRemovalPatience{2000};
/// A cgroup whose last process was just reaped may answer EBUSY for a moment.
constexpr int kRemovalAttempts = 100;
constexpr std::chrono::milliseconds kRemovalPause{2};

}  // namespace

CgroupLeaf::CgroupLeaf(std::string mount_point, std::string path)
    : mount_point_(std::move(mount_point)),
      path_(std::move(path)),
      directory_(open_file(mount_point_ + path_, O_PATH | O_DIRECTORY)) {}

CgroupLeaf::CgroupLeaf(CgroupLeaf&& other) noexcept
    : mount_point_(std::move(other.mount_point_)),
      path_(std::move(other.path_)),
      directory_(std::move(other.directory_)) {}

CgroupLeaf::~CgroupLeaf() {
    if (!directory_) return;
    try {
        if (is_populated()) {
            kill();
            (void)wait_until_empty(kRemovalPatience);
        }
    } catch (const Error&) {
        // What is left shows below: the directory cannot be removed.
    }
    const std::string directory = mount_point_ + path_;
    for (int attempt = 0;
         attempt < kRemovalAttempts && ::rmdir(directory.c_str()) != 0 && errno == EBUSY;
         ++attempt) {
        std::this_thread::sleep_for(kRemovalPause);
    }
}

std::string CgroupLeaf::file(const char* name) const {
    return concat(mount_point_, path_, "/", name);
}

void CgroupLeaf::move_in(pid_t pid) const {
    write_kernel_file(file("cgroup.procs"), std::to_string(pid));
}

void CgroupLeaf::kill() const {
    if (::access(file("cgroup.kill").c_str(), F_OK) == 0) {
        return write_kernel_file(file("cgroup.kill"), "1");
    }
    // Until nobody is left who could have forked in the meantime.
    for (int round = 0; round < 100 && is_populated(); ++round) {
        std::ifstream processes(file("cgroup.procs"));
        for (pid_t pid = 0; processes >> pid;)
            (void)::kill(pid, SIGKILL);
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
}

bool CgroupLeaf::is_populated() const {
    return read_file(file("cgroup.events"), 4096).find("populated 1") != std::string::npos;
}

bool CgroupLeaf::wait_until_empty(std::chrono::milliseconds patience) const {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    const UniqueFd events = open_file(file("cgroup.events"), O_RDONLY);
    while (is_populated()) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now());
        if (left.count() <= 0) return false;
        pollfd changed{events.get(), POLLPRI, 0};
        ::poll(&changed, 1, static_cast<int>(std::min<long>(left.count(), 50)));
    }
    return true;
}

CgroupUsage CgroupLeaf::usage() const {
    auto cpu = read_counters(path_, "cpu", "cpu.stat");
    auto memory = read_counters(path_, "memory", "memory.events.local");
    return {.cpu_user_us = cpu["user_usec"],
            .cpu_sys_us = cpu["system_usec"],
            .throttled_us = cpu["throttled_usec"],
            .memory_peak = read_number(path_, "memory", "memory.peak"),
            .pids_peak = read_number(path_, "pids", "pids.peak"),
            .pids_limit_hits = read_counters(path_, "pids", "pids.events")["max"],
            .oom_kills = memory["oom_kill"],
            // Without an "oom" of its own it was an ancestor, or the host, that had no memory left.
            .memory_limit_hit = memory["oom_kill"] > 0 && memory["oom"] > 0};
}

}  // namespace vitrine::limits
