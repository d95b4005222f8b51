#include "batch/failure.h"

#include <gtest/gtest.h>

namespace vitrine::batch {
namespace {

runtime::RunReport raised(const std::string& type, const std::string& message) {
    runtime::RunReport report;
    report.exit_code = 1;
    report.result.id = "job";
    report.result.status = Status::kExited;
    report.result.exit_code = 1;
    report.result.exception =
        ExceptionClaim{.type = type, .message = message, .file = "a.py", .line = 3};
    return report;
}

TEST(Failure, IsNamedByWhatManyHaveInCommon) {
    const Failure failure = failure_of(raised("ValueError", "too small"));
    EXPECT_EQ(failure.kind, "ValueError");
    EXPECT_EQ(failure.message, "ValueError: too small (a.py:3)");

    runtime::RunReport report;
    report.exit_code = 139;
    report.result.status = Status::kSignaled;
    report.result.signal = 11;
    EXPECT_EQ(failure_of(report).kind, "SIGSEGV");

    report.result.status = Status::kTimeout;
    report.result.limit = LimitHit{"timeout", 2'000'000'000, 2'100'000'000};
    EXPECT_EQ(failure_of(report).message, "limit of 2s (--timeout), used 2.1s");

    report.result.status = Status::kRejected;
    report.result.findings = {
        {.id = "VT101", .rule = "import-not-allowed", .message = "no", .line = 2}};
    EXPECT_EQ(failure_of(report).kind, "VT101 import-not-allowed");
    EXPECT_EQ(failure_of(report).message, "line 2: no");
}

TEST(Failure, IsShortWhateverTheJobClaims) {
    const std::string wide = "ж";
    std::string text;
    for (int i = 0; i < 100'000; ++i)
        text += wide;
    const Failure failure = failure_of(raised(text, text));
    EXPECT_LT(failure.kind.size(), 100U);
    EXPECT_LT(failure.message.size(), 600U);
    EXPECT_TRUE(failure.kind.ends_with("ж…"));
}

TEST(FailureLog, CountsKindsAndForgetsNone) {
    FailureLog log;
    for (int i = 0; i < 1000; ++i)
        log.add(failure_of(raised("E" + std::to_string(i), "")));
    for (int i = 0; i < 500; ++i)
        log.add(failure_of(raised("E3", "")));
    EXPECT_EQ(log.count(), 1500U);
    EXPECT_LE(log.first().size(), 200U);
    const auto kinds = log.kinds();
    EXPECT_LE(kinds.size(), 65U);
    EXPECT_EQ(kinds[0].name, "others");
    EXPECT_EQ(kinds[1].name, "E3");
    EXPECT_EQ(kinds[1].count, 501U);
    std::uint64_t sum = 0;
    for (const auto& kind : kinds)
        sum += kind.count;
    EXPECT_EQ(sum, 1500U);
}

}  // namespace
}  // namespace vitrine::batch
