#include "batch/statistics.h"

#include <algorithm>
#include <cmath>

namespace vitrine::batch {

namespace {

constexpr std::size_t kRanked = 10;

std::uint64_t microseconds(double milliseconds) {
    return static_cast<std::uint64_t>(std::llround(std::max(milliseconds, 0.0) * 1e3));
}

}  // namespace

Statistics::Statistics(std::size_t workers)
    : slowest_(kRanked), largest_(kRanked), timeline_(workers) {}

void Statistics::add(const runtime::RunReport& report) {
    const Result& result = report.result;
    ++count_;
    ++by_status_[static_cast<std::size_t>(result.status)];
    if (result.warm) ++warm_;
    if (is_failure(report)) failures_.add(failure_of(report));
    if (result.status != Status::kSetupError) measure(result);
}

void Statistics::measure(const Result& result) {
    // A job that was refused before it got a process has nothing to measure.
    if (result.timings.total == 0) return;
    const Usage& usage = result.usage;
    const std::uint64_t wall = microseconds(usage.wall_ms);
    wall_.add(wall);
    cpu_.add(microseconds(usage.cpu_user_ms + usage.cpu_sys_ms));
    slowest_.add(wall, result.id);
    if (usage.memory_peak_bytes) {
        memory_.add(*usage.memory_peak_bytes);
        largest_.add(*usage.memory_peak_bytes, result.id);
    }
    const auto now = static_cast<std::uint64_t>(microseconds_between(began_, Clock::now()));
    const auto total = static_cast<std::uint64_t>(result.timings.total);
    timeline_.add(result.id, result.status, now - std::min(now, total), now);
}

}  // namespace vitrine::batch
