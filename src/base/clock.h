// Monotonic time.
#pragma once

#include <chrono>

namespace vitrine {

using Clock = std::chrono::steady_clock;

/// Whole microseconds from `start` to `end`.
inline std::int64_t microseconds_between(Clock::time_point start, Clock::time_point end) {
    return std::chrono::duration_cast<std::chrono::microseconds>(end - start).count();
}

}  // namespace vitrine
