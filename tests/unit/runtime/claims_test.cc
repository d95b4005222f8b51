#include <gtest/gtest.h>

#include <chrono>

#include "base/error.h"
#include "base/fd.h"
#include "base/frame.h"
#include "runtime/claim_json.h"
#include "runtime/claims_reader.h"
#include "runtime/result_json.h"

namespace vitrine::runtime {
namespace {

using python::ClaimKind;
using python::encode;
using sandbox::encode;

std::vector<std::byte> framed(auto kind, std::span<const std::byte> content) {
    Pipe pipe = make_pipe();
    write_frame(pipe.write_end.get(), static_cast<std::uint32_t>(kind), content);
    pipe.write_end.reset();
    const std::string bytes = read_all(pipe.read_end.get(), 1 << 20);
    const auto view = std::as_bytes(std::span(bytes));
    return {view.begin(), view.end()};
}

TEST(ClaimsReader, BelievesTrustedFramesOnlyBeforeAcceptance) {
    ClaimsReader reader;
    reader.feed(
        framed(sandbox::ReportKind::kConfined, encode(sandbox::Confined{.landlock_abi = 7})));
    reader.feed(framed(ClaimKind::kAccepted, encode(python::Accepted{.python_version = "3.11.2"})));
    // From here on the job has the pipe.
    reader.feed(
        framed(sandbox::ReportKind::kConfined, encode(sandbox::Confined{.landlock_abi = 99})));
    reader.feed(framed(sandbox::ReportKind::kFailure, encode(sandbox::Failure{.message = "lie"})));
    reader.feed(framed(ClaimKind::kAccepted, encode(python::Accepted{.python_version = "9"})));
    reader.feed(framed(ClaimKind::kFindings, encode(std::vector<Finding>{{.rule = "lie"}})));
    EXPECT_EQ(reader.claims().confined->landlock_abi, 7);
    EXPECT_FALSE(reader.claims().failure);
    EXPECT_EQ(reader.claims().accepted->python_version, "3.11.2");
    EXPECT_TRUE(reader.claims().findings.empty());
}

/// Code of a rootfs has run by then: a hostile one's, too.
TEST(ClaimsReader, TakesNothingForAReasonThatIsNone) {
    ClaimsReader reader;
    const auto unknown = static_cast<kernel::Misfit>(static_cast<int>(kernel::Misfit::kLast) + 1);
    reader.feed(
        framed(sandbox::ReportKind::kConfined, encode(sandbox::Confined{.snapshot = unknown})));
    EXPECT_FALSE(reader.claims().confined);
    ClaimsReader other;
    other.feed(framed(sandbox::ReportKind::kConfined,
                      encode(sandbox::Confined{.snapshot = kernel::Misfit::kLast})));
    EXPECT_EQ(other.claims().confined->snapshot, kernel::Misfit::kLast);
}

TEST(ClaimsReader, TakesACommandForRunUnlessItFailed) {
    ClaimsReader run;
    run.feed(framed(ClaimKind::kStarting, encode(python::Accepted{.started_ns = 5})));
    EXPECT_FALSE(run.claims().accepted);
    run.finish();
    EXPECT_EQ(run.claims().accepted->started_ns, 5);
    ClaimsReader failed;
    failed.feed(framed(ClaimKind::kStarting, encode(python::Accepted{})));
    failed.feed(framed(sandbox::ReportKind::kFailure, encode(sandbox::Failure{.message = "no"})));
    failed.finish();
    EXPECT_FALSE(failed.claims().accepted);
    EXPECT_EQ(failed.claims().failure->message, "no");
}

TEST(ClaimsReader, LetsNoProgramCallItselfACommand) {
    ClaimsReader reader;
    reader.feed(framed(ClaimKind::kAccepted, encode(python::Accepted{.python_version = "3.11.2"})));
    reader.feed(framed(ClaimKind::kStarting, encode(python::Accepted{.python_version = "lie"})));
    reader.finish();
    EXPECT_FALSE(reader.claims().starting);
    EXPECT_EQ(reader.claims().accepted->python_version, "3.11.2");
}

TEST(ClaimsReader, TakesNoClaimBeforeAcceptance) {
    ClaimsReader reader;
    reader.feed(framed(ClaimKind::kValue, encode(python::ValueClaim{.json = "1"})));
    EXPECT_FALSE(reader.claims().value);
}

TEST(ClaimsReader, SurvivesScribbling) {
    ClaimsReader reader;
    reader.feed(framed(ClaimKind::kAccepted, encode(python::Accepted{})));
    reader.feed(framed(ClaimKind::kValue, std::as_bytes(std::span("short"))));
    reader.feed(framed(4711, std::as_bytes(std::span("what"))));
    reader.feed(framed(ClaimKind::kValue, encode(python::ValueClaim{.json = "[1]"})));
    const std::vector<std::byte> noise(100000, std::byte{0xff});
    reader.feed(noise);
    reader.feed(framed(ClaimKind::kValue, encode(python::ValueClaim{.json = "2"})));
    EXPECT_EQ(reader.claims().value->json, "[1]");  // After noise nothing is believed any more.
}

TEST(CheckedJson, TakesOneBoundedValue) {
    EXPECT_EQ(checked_json(R"({"a": [1, 2.5, null]})"), R"({"a":[1,2.5,null]})");
    EXPECT_EQ(checked_json("1 2"), "");
    EXPECT_EQ(checked_json("{"), "");
    EXPECT_EQ(checked_json("NaN"), "");
    EXPECT_EQ(checked_json(std::string(90, '[') + std::string(90, ']')).size(), 180U);
    EXPECT_EQ(checked_json(std::string(100000, '[')), "");
    EXPECT_EQ(checked_json(std::string(101, '[') + std::string(101, ']')), "");
}

TEST(CheckedJson, KeepsOrderDuplicatesAndSpelling) {
    EXPECT_EQ(checked_json(R"({"b": -1, "a": 1.50, "b": 1e2, "": [true, {}, []]})"),
              R"({"b":-1,"a":1.50,"b":1e2,"":[true,{},[]]})");
    EXPECT_EQ(checked_json(R"("\u00e9\n\"")"), "\"\xc3\xa9\\n\\\"\"");
}

TEST(CheckedJson, IsStrictUtf8) {
    EXPECT_EQ(checked_json("\"\xff\""), "");
    EXPECT_EQ(checked_json("\"\xed\xa0\x80\""), "");
    EXPECT_EQ(checked_json(R"("\ud800")"), "");
    EXPECT_EQ(checked_json("1e999"), "");
}

TEST(CheckedJson, TakesTimeForItsLengthAlone) {
    std::string claim = "{";
    for (int i = 0; i < 200'000; ++i)
        claim += std::to_string(i).insert(0, i == 0 ? "\"" : ",\"") + "\":0";
    claim += "}";
    const auto start = std::chrono::steady_clock::now();
    Result result;
    result.value_json = checked_json(claim);
    EXPECT_EQ(result.value_json, claim);
    EXPECT_NE(to_json(result).find(concat("\"value\":", claim, ",\"value_notes\"")),
              std::string::npos);
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(30));
}

TEST(ResultJson, IsAlwaysUtf8OnOneLine) {
    Result result;
    result.status = Status::kExited;
    result.out.bytes = "caf\xe9\n";
    const std::string line = to_json(result);
    EXPECT_EQ(line.find('\n'), std::string::npos);
    EXPECT_NE(line.find("\"text\":\"caf\xef\xbf\xbd\\n\""), std::string::npos) << line;
    EXPECT_NE(line.find(R"("base64":"Y2Fm6Qo=")"), std::string::npos) << line;
}

}  // namespace
}  // namespace vitrine::runtime
