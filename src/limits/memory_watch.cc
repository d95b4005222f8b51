#include "limits/memory_watch.h"

#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <sstream>
#include <string>

#include "base/error.h"
#include "base/file.h"
#include "kernel/process.h"

namespace vitrine::limits {

namespace {

constexpr std::size_t kMaxFile = 65536;
/// Reading page tables takes a millisecond for some 100 MB. A precise look may take one part in so
/// many of the time: more of it where the limit is in sight, little where only the peak is at
/// stake.
constexpr int kShareNearLimit = 10;
constexpr int kShareForPeak = 100;

/// Empty when the process is gone or not ours to look at.
std::string read_or_nothing(const std::string& path) {
    try {
        return read_file(path, kMaxFile);
    } catch (const Error&) {
        return {};
    }
}

/// Resident and not backed by a file on disk, counted once in every process that shares it: an
/// upper bound, cheap to have.
std::uint64_t resident_bytes(pid_t pid) {
    std::istringstream words(read_or_nothing(concat("/proc/", pid, "/statm")));
    std::uint64_t total = 0;
    std::uint64_t resident = 0;
    words >> total >> resident;
    return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

/// Memory of processes, each page counted once: those of several processes count in parts.
struct Shares {
    std::uint64_t anonymous = 0;
    std::uint64_t shared = 0;  ///< Mapped files of a tmpfs, memfds and shared mappings.
};

void add_shares(pid_t pid, Shares& shares) {
    std::istringstream lines(read_or_nothing(concat("/proc/", pid, "/smaps_rollup")));
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string name;
        std::uint64_t kilobytes = 0;
        words >> name >> kilobytes;
        if (name == "Pss_Anon:") shares.anonymous += kilobytes * 1024;
        if (name == "Pss_Shmem:") shares.shared += kilobytes * 1024;
    }
}

std::uint64_t precise_sum(const std::vector<pid_t>& processes, std::uint64_t files) {
    Shares shares;
    for (const pid_t pid : processes)
        add_shares(pid, shares);
    // What is in /tmp may be mapped too, and is not to count twice.
    return shares.anonymous + std::max(shares.shared, files);
}

std::uint64_t bytes_on(const std::string& scratch) {
    struct statvfs info{};
    if (::statvfs(scratch.c_str(), &info) != 0) return 0;
    return (info.f_blocks - info.f_bfree) * info.f_frsize;
}

}  // namespace

std::vector<pid_t> descendants_of(std::span<const pid_t> ancestors) {
    std::vector<pid_t> found(ancestors.begin(), ancestors.end());
    for (std::size_t next = 0; next < found.size(); ++next) {
        for (const pid_t child : kernel::children_of(found[next])) {
            if (std::ranges::find(found, child) == found.end()) found.push_back(child);
        }
    }
    return found;
}

bool MemoryWatch::look(std::span<const pid_t> ancestors, const std::string& scratch) {
    const std::vector<pid_t> processes = descendants_of(ancestors);
    const std::uint64_t files = bytes_on(scratch);
    std::uint64_t at_most = files;
    for (const pid_t pid : processes)
        at_most += resident_bytes(pid);
    // The true sum is smaller: no need to know it while even this is no news.
    if (at_most <= peak_bytes_) return false;
    const bool is_near_limit = at_most > limit_bytes_;
    const Clock::time_point start = Clock::now();
    if (start < (is_near_limit ? next_near_limit_ : next_for_peak_)) return false;
    peak_bytes_ = std::max(peak_bytes_, precise_sum(processes, files));
    const Clock::time_point end = Clock::now();
    next_near_limit_ = end + (end - start) * kShareNearLimit;
    next_for_peak_ = end + (end - start) * kShareForPeak;
    return peak_bytes_ > limit_bytes_;
}

}  // namespace vitrine::limits
