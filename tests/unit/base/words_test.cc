#include "base/words.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace vitrine {
namespace {

std::vector<std::string> parts(std::string_view text, char separator) {
    std::vector<std::string> taken;
    while (!text.empty())
        taken.emplace_back(take_until(text, separator));
    return taken;
}

TEST(TakeUntil, TakesTheSeparatorAway) {
    EXPECT_EQ(parts("a:b", ':'), (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(parts(":a::", ':'), (std::vector<std::string>{"", "a", ""}));
    EXPECT_EQ(parts("no end", '\n'), (std::vector<std::string>{"no end"}));
    EXPECT_EQ(parts("line\n", '\n'), (std::vector<std::string>{"line"}));
    EXPECT_TRUE(parts("", ':').empty());
}

TEST(TakeWord, PassesOverWhiteSpace) {
    std::string_view text = "  one\ttwo\n three ";
    EXPECT_EQ(take_word(text), "one");
    EXPECT_EQ(take_word(text), "two");
    EXPECT_EQ(take_word(text), "three");
    EXPECT_EQ(take_word(text), "");
    EXPECT_EQ(take_word(text), "");
}

TEST(ParseNumber, TakesAllOfAWordOrNothing) {
    EXPECT_EQ(parse_number("0"), 0U);
    EXPECT_EQ(parse_number("18446744073709551615"), 18446744073709551615U);
    EXPECT_EQ(parse_number("7fff", 16), 0x7fffU);
    for (const char* none : {"", " 1", "1 ", "-1", "+1", "1x", "0x1", "18446744073709551616"})
        EXPECT_FALSE(parse_number(none)) << none;
}

}  // namespace
}  // namespace vitrine
