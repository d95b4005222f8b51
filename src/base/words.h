// Taking text apart without a stream: those bring a third of a megabyte of locales into a program
// that is copied at every start.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

namespace vitrine {

/// Takes what is before the next `separator` from the front of `text`, and that away with it; all
/// of it where there is none.
inline std::string_view take_until(std::string_view& text, char separator) {
    const std::string_view taken = text.substr(0, text.find(separator));
    text.remove_prefix(std::min(taken.size() + 1, text.size()));
    return taken;
}

/// Takes the next word, between white space, from the front of `text`; empty where there is none.
inline std::string_view take_word(std::string_view& text) {
    constexpr std::string_view kSpace = " \t\n";
    text.remove_prefix(std::min(text.find_first_not_of(kSpace), text.size()));
    const std::string_view word = text.substr(0, text.find_first_of(kSpace));
    text.remove_prefix(word.size());
    return word;
}

/// All of `word` as a number; nothing where it is none.
inline std::optional<std::uint64_t> parse_number(std::string_view word, int base = 10) {
    std::uint64_t number = 0;
    const auto [at, error] = std::from_chars(word.begin(), word.end(), number, base);
    if (error != std::errc() || at != word.end()) return std::nullopt;
    return number;
}

}  // namespace vitrine
