// Numbers of a batch as people read them.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace vitrine::batch {

/// `1,234,567`
std::string grouped(std::uint64_t number);
/// Three digits and the unit that fits: `850 us`, `12.3 ms`, `1.45 s`.
std::string time_text(std::uint64_t microseconds);
/// `512 B`, `9.5 MiB`
std::string memory_text(std::uint64_t bytes);
/// `0:07`, `1:02:03`
std::string clock_text(std::chrono::duration<double> time);
/// A rate a second: `0.4`, `37`, `1,250`.
std::string rate_text(double rate);
/// `1 job`, `2 jobs`
std::string counted(std::uint64_t count, const std::string& noun);

}  // namespace vitrine::batch
