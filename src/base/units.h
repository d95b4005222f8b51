// Sizes and durations as people write them: `256m`, `1.5s`.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace vitrine {

using Nanoseconds = std::chrono::nanoseconds;

/// Parses a size: a whole or decimal number and one of `b k m g t` (either case, base 1024,
/// optionally followed by `b` or `ib`: `256m`, `256MB`, `256MiB`); a plain number is bytes. Throws
/// UsageError that shows the text and a valid example. The result is always positive.
std::uint64_t parse_bytes(std::string_view text);

/// Parses a duration: a whole or decimal number and `us`, `ms`, `s`, `m` or `h`; a plain number is
/// seconds. Throws UsageError. The result is always positive.
Nanoseconds parse_duration(std::string_view text);

/// Parses a positive decimal number (`0.5`). Throws UsageError.
double parse_positive_number(std::string_view text);

/// Parses a whole number in [low, high], decimal digits only. Throws UsageError.
std::uint64_t parse_integer(std::string_view text, std::uint64_t low, std::uint64_t high);

/// `268435456` → `256m`; a size that no suffix divides stays a plain number.
std::string format_bytes(std::uint64_t bytes);

/// `1500ms` → `1.5s`; three significant decimals at most.
std::string format_duration(Nanoseconds duration);

}  // namespace vitrine
