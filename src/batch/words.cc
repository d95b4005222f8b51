#include "batch/words.h"

#include <array>
#include <cmath>
#include <cstdio>

#include "base/error.h"

namespace vitrine::batch {

namespace {

/// Three digits, as many of them behind the point as there is room for.
std::string three_digits(double number) {
    const int decimals = number < 10 ? 2 : number < 100 ? 1 : 0;
    std::array<char, 64> text{};
    (void)std::snprintf(text.data(), text.size(), "%.*f", decimals, number);
    return text.data();
}

}  // namespace

std::string grouped(std::uint64_t number) {
    std::string text = std::to_string(number);
    for (std::size_t at = text.size(); at > 3; at -= 3)
        text.insert(at - 3, 1, ',');
    return text;
}

std::string time_text(std::uint64_t microseconds) {
    const auto number = static_cast<double>(microseconds);
    if (microseconds < 1'000) return concat(microseconds, " us");
    if (microseconds < 1'000'000) return concat(three_digits(number / 1e3), " ms");
    return concat(three_digits(number / 1e6), " s");
}

std::string memory_text(std::uint64_t bytes) {
    constexpr std::array kUnits{"B", "KiB", "MiB", "GiB", "TiB"};
    auto number = static_cast<double>(bytes);
    std::size_t unit = 0;
    for (; number >= 1024 && unit + 1 < kUnits.size(); ++unit)
        number /= 1024;
    return concat(unit == 0 ? std::to_string(bytes) : three_digits(number), " ", kUnits[unit]);
}

std::string clock_text(std::chrono::duration<double> time) {
    const auto seconds = static_cast<std::uint64_t>(std::llround(time.count()));
    std::array<char, 64> text{};
    if (seconds >= 3600) {
        (void)std::snprintf(text.data(), text.size(), "%llu:%02llu:%02llu",
                            static_cast<unsigned long long>(seconds / 3600),
                            static_cast<unsigned long long>(seconds / 60 % 60),
                            static_cast<unsigned long long>(seconds % 60));
    } else {
        (void)std::snprintf(text.data(), text.size(), "%llu:%02llu",
                            static_cast<unsigned long long>(seconds / 60),
                            static_cast<unsigned long long>(seconds % 60));
    }
    return text.data();
}

std::string rate_text(double rate) {
    if (rate >= 100) return grouped(static_cast<std::uint64_t>(std::llround(rate)));
    std::array<char, 64> text{};
    (void)std::snprintf(text.data(), text.size(), rate < 10 ? "%.1f" : "%.0f", rate);
    return text.data();
}

std::string counted(std::uint64_t count, const std::string& noun) {
    return concat(grouped(count), " ", noun, count == 1 ? "" : "s");
}

}  // namespace vitrine::batch
