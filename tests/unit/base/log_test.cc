#include "base/log.h"

#include <gtest/gtest.h>

namespace vitrine {
namespace {

std::string logged(LogFormat format, const std::string& message) {
    testing::internal::CaptureStderr();
    Log(LogLevel::kInfo, format).info(message);
    return testing::internal::GetCapturedStderr();
}

TEST(Log, LetsNoControlCharacterOfAMessageReachATerminal) {
    const std::string hostile =
        "a\x1b[2J\xc2\x9b"
        "5n\x7f\xc3\xa9\xc2\xa9";
    EXPECT_EQ(logged(LogFormat::kText, hostile),
              "vitrine: a\\x1b[2J\\x9b"
              "5n\\x7f\xc3\xa9\xc2\xa9\n");
    const std::string json = logged(LogFormat::kJson, hostile);
    EXPECT_NE(json.find("a\\u001b[2J\\u009b"
                        "5n\\u007f\xc3\xa9\xc2\xa9"),
              std::string::npos)
        << json;
    EXPECT_EQ(logged(LogFormat::kText, "cut \xc2"), "vitrine: cut \xc2\n");
}

}  // namespace
}  // namespace vitrine
