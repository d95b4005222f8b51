// One process that fuzzes: an interpreter of its own, confined, which forks for every program that
// layer 1 accepted.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace vitrine::test {

/// What a lane has done so far; lies in memory that its processes share.
struct LaneCounts {
    std::atomic<std::uint64_t> programs{0};
    std::atomic<std::uint64_t> accepted{0};  ///< As they were made.
    std::atomic<std::uint64_t> repaired{0};  ///< Accepted without their refused lines.
    std::atomic<std::uint64_t> refused{0};   ///< For good.
    std::atomic<std::uint64_t> ended{0};     ///< Ran to their last line.
    std::atomic<std::uint64_t> raised{0};    ///< Ended by an exception.
    std::atomic<std::uint64_t> too_long{0};  ///< Killed for time or by a limit: no finding.
    std::atomic<std::uint64_t> reached{0};   ///< What no program may hold: findings.
};

/// A program that reached what it must not, and, right after it, what the oracle said.
inline constexpr std::uint32_t kFindingFrame = 1;
inline constexpr std::uint32_t kReasonFrame = 2;

struct LaneSpec {
    bool is_scientific = false;  ///< numpy and pandas are imported before.
    std::uint64_t seed = 1;
    std::chrono::steady_clock::time_point deadline;
    int findings_fd = -1;  ///< Borrowed: a pipe for frames of kFindingFrame and kReasonFrame.
};

/// Runs a lane in this process, which it confines, until the deadline; returns the number of
/// findings, each sent to the parent as it comes. Throws Error when the oracle does not see what it
/// must.
int run_lane(const LaneSpec& spec, LaneCounts& counts);

}  // namespace vitrine::test
