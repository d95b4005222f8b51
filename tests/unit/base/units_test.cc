#include "base/units.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace vitrine {
namespace {

using std::chrono::milliseconds;

TEST(ParseBytes, ReadsEverySuffixInEitherCase) {
    EXPECT_EQ(parse_bytes("17"), 17U);
    EXPECT_EQ(parse_bytes("17b"), 17U);
    EXPECT_EQ(parse_bytes("2k"), 2048U);
    EXPECT_EQ(parse_bytes("256M"), 256U << 20);
    EXPECT_EQ(parse_bytes("1.5g"), 3U << 29);
    EXPECT_EQ(parse_bytes("64MiB"), 64U << 20);
    EXPECT_EQ(parse_bytes("64mb"), 64U << 20);
}

TEST(ParseBytes, RefusesWhatIsNotASize) {
    for (const char* text : {"", "m", "-1m", "+1", "1e3", "0", "0m", "1x", "1 m", "0x10", "nan",
                             "inf", "1.2.3", "9999999999t"}) {
        EXPECT_THROW(parse_bytes(text), UsageError) << text;
    }
}

TEST(ParseDuration, TakesAPlainNumberAsSeconds) {
    EXPECT_EQ(parse_duration("2"), milliseconds(2000));
    EXPECT_EQ(parse_duration("0.25"), milliseconds(250));
    EXPECT_EQ(parse_duration("500ms"), milliseconds(500));
    EXPECT_EQ(parse_duration("2m"), milliseconds(120000));
    EXPECT_EQ(parse_duration("1h"), milliseconds(3600000));
}

TEST(ParseDuration, RefusesZeroNegativeAndUnknownUnits) {
    for (const char* text : {"0", "0s", "-1s", "1d", "s", "", "10S", "1e9", "1000000000h"}) {
        EXPECT_THROW(parse_duration(text), UsageError) << text;
    }
}

TEST(ParseDuration, NamesTheUnitThatWasMeant) {
    const auto hint_for = [](auto parse, const char* text) -> std::string {
        try {
            (void)parse(text);
        } catch (const UsageError& error) {
            return error.hint();
        }
        return "taken";
    };
    EXPECT_EQ(hint_for(parse_duration, "5min"), "did you mean '5m'?");
    EXPECT_EQ(hint_for(parse_duration, "1.5msec"), "did you mean '1.5ms'?");
    EXPECT_EQ(hint_for(parse_bytes, "2gigs"), "did you mean '2g'?");
    EXPECT_NE(hint_for(parse_bytes, "2x").find("512k"), std::string::npos);
}

TEST(ParseInteger, HoldsItsBounds) {
    EXPECT_EQ(parse_integer("64", 1, 100), 64U);
    EXPECT_THROW(parse_integer("0", 1, 100), UsageError);
    EXPECT_THROW(parse_integer("101", 1, 100), UsageError);
    EXPECT_THROW(parse_integer("1.0", 1, 100), UsageError);
}

TEST(FormatUnits, IsWhatAPersonWouldWrite) {
    EXPECT_EQ(format_bytes(2ULL << 30), "2g");
    EXPECT_EQ(format_bytes(1536), "1536");
    EXPECT_EQ(format_bytes(64U << 20), "64m");
    EXPECT_EQ(format_duration(milliseconds(1500)), "1.5s");
    EXPECT_EQ(format_duration(milliseconds(20)), "20ms");
}

}  // namespace
}  // namespace vitrine
