#include "base/units.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "base/error.h"

namespace vitrine {

namespace {

struct Unit {
    std::string_view suffix;
    double factor;
};

constexpr std::array<Unit, 6> kSizeUnits{{{"", 1.0},
                                          {"k", 1024.0},
                                          {"m", 1048576.0},
                                          {"g", 1073741824.0},
                                          {"t", 1099511627776.0},
                                          {"b", 1.0}}};
constexpr std::array<Unit, 6> kTimeUnits{
    {{"", 1e9}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}}};

/// Splits `1.5s` into 1.5 and `s`. Only digits and one point: no sign, exponent, inf or nan.
bool split_number(std::string_view text, double& number, std::string_view& suffix) {
    const std::size_t end = std::min(text.find_first_not_of("0123456789."), text.size());
    const std::string_view digits = text.substr(0, end);
    suffix = text.substr(end);
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), number,
                                        std::chars_format::fixed);
    return parsed.ec == std::errc() && parsed.ptr == digits.data() + digits.size();
}

std::string lower(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return out;
}

/// The unit that was meant, as far as letters tell: `s` for `sec`, `us` for `u`. Empty for none.
template <std::size_t kCount>
std::string_view related_unit(const std::array<Unit, kCount>& units, std::string_view spelling) {
    std::string_view best;
    for (const Unit& unit : units) {
        const bool is_related =
            spelling.starts_with(unit.suffix) || unit.suffix.starts_with(spelling);
        if (is_related && unit.suffix.size() > best.size()) best = unit.suffix;
    }
    return best;
}

template <std::size_t kCount>
double parse_with_units(std::string_view text, const std::array<Unit, kCount>& units,
                        std::string_view suffix_spelling, double number,
                        std::string_view examples) {
    const auto* unit = std::ranges::find(units, suffix_spelling, &Unit::suffix);
    if (unit == units.end()) {
        const std::string_view near = related_unit(units, lower(suffix_spelling));
        const auto digits = text.substr(0, text.find_first_not_of("0123456789."));
        throw UsageError(
            concat("'", text, "' has an unknown unit"),
            near.empty() ? std::string(examples) : concat("did you mean '", digits, near, "'?"));
    }
    const double value = number * unit->factor;
    if (!(value >= 1)) {
        throw UsageError(concat("'", text, "' must be greater than zero"), std::string(examples));
    }
    if (value >= 9.2e18) throw UsageError(concat("'", text, "' is too large"));
    return value;
}

std::string trim_decimal(double value) {
    std::array<char, 64> buffer{};
    const int length = std::snprintf(buffer.data(), buffer.size(), "%.3f", value);
    std::string out(buffer.data(), static_cast<std::size_t>(length));
    out.erase(out.find_last_not_of('0') + 1);
    if (out.back() == '.') out.pop_back();
    return out;
}

}  // namespace

std::uint64_t parse_bytes(std::string_view text) {
    constexpr std::string_view kExamples = "sizes look like 512k, 256m or 2g (base 1024)";
    double number = 0;
    std::string_view suffix;
    if (!split_number(text, number, suffix)) {
        throw UsageError(concat("'", text, "' is not a size"), std::string(kExamples));
    }
    std::string unit = lower(suffix);
    if (unit.size() == 2 && unit.ends_with("b")) unit.pop_back();
    if (unit.size() == 3 && unit.ends_with("ib")) unit.resize(1);
    return static_cast<std::uint64_t>(parse_with_units(text, kSizeUnits, unit, number, kExamples));
}

Nanoseconds parse_duration(std::string_view text) {
    constexpr std::string_view kExamples = "durations look like 500ms, 10s, 2m or 1.5 (seconds)";
    double number = 0;
    std::string_view suffix;
    if (!split_number(text, number, suffix)) {
        throw UsageError(concat("'", text, "' is not a duration"), std::string(kExamples));
    }
    return Nanoseconds(
        static_cast<std::int64_t>(parse_with_units(text, kTimeUnits, suffix, number, kExamples)));
}

double parse_positive_number(std::string_view text) {
    double number = 0;
    std::string_view suffix;
    if (!split_number(text, number, suffix) || !suffix.empty() || !(number > 0)) {
        throw UsageError(concat("'", text, "' is not a number greater than zero"));
    }
    return number;
}

std::uint64_t parse_integer(std::string_view text, std::uint64_t low, std::uint64_t high) {
    std::uint64_t value = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || value < low ||
        value > high) {
        throw UsageError(concat("'", text, "' is not a whole number between ", low, " and ", high));
    }
    return value;
}

std::string format_bytes(std::uint64_t bytes) {
    for (const char* suffix = "tgmk"; const std::uint64_t factor : {40U, 30U, 20U, 10U}) {
        const std::uint64_t size = std::uint64_t{1} << factor;
        if (bytes >= size && bytes % size == 0) return concat(bytes / size, *suffix);
        ++suffix;
    }
    return std::to_string(bytes);
}

std::string format_duration(Nanoseconds duration) {
    const auto nanoseconds = static_cast<double>(duration.count());
    if (nanoseconds < 1e6) return concat(trim_decimal(nanoseconds / 1e3), "us");
    if (nanoseconds < 1e9) return concat(trim_decimal(nanoseconds / 1e6), "ms");
    return concat(trim_decimal(nanoseconds / 1e9), "s");
}

}  // namespace vitrine
