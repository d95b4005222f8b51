#include "python/validator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "base/error.h"
#include "python/policy_file.h"
#include "python/source_check.h"
#include "support/validation.h"

namespace vitrine::python {
namespace {

using test::described;
using test::findings_of;
using test::strategy;

bool has_rule(const std::vector<Finding>& findings, const std::string& rule) {
    return std::ranges::any_of(findings,
                               [&](const Finding& finding) { return finding.rule == rule; });
}

/// The blocks of a data file; its first line is a comment.
std::vector<std::string> blocks_of(const std::string& name) {
    std::ifstream file(concat(VITRINE_SOURCE_ROOT "/tests/data/validator/", name));
    std::vector<std::string> blocks(1);
    std::string line;
    std::getline(file, line);
    while (std::getline(file, line)) {
        if (line == "---") {
            blocks.emplace_back();
        } else {
            blocks.back() += line + "\n";
        }
    }
    return blocks;
}

class Refused : public testing::TestWithParam<std::string> {};

TEST_P(Refused, ByItsRule) {
    const std::size_t end = GetParam().find('\n');
    const std::string rule = GetParam().substr(0, end);
    const std::string source = GetParam().substr(end + 1);
    const auto findings = findings_of(source);
    EXPECT_TRUE(has_rule(findings, rule)) << source << "\nfindings:\n" << described(findings);
}

INSTANTIATE_TEST_SUITE_P(Programs, Refused, testing::ValuesIn(blocks_of("refused.txt")));

class Accepted : public testing::TestWithParam<std::string> {};

TEST_P(Accepted, WithoutAFinding) {
    const auto findings = findings_of(GetParam());
    EXPECT_TRUE(findings.empty()) << GetParam() << "\nfindings:\n" << described(findings);
}

INSTANTIATE_TEST_SUITE_P(Programs, Accepted, testing::ValuesIn(blocks_of("accepted.txt")));

TEST(Validator, CountsLinesAndColumnsInCharacters) {
    const auto findings = findings_of("x = 1\nπππ = eval\n");
    ASSERT_EQ(findings.size(), 1U);
    EXPECT_EQ(findings[0].line, 2U);
    EXPECT_EQ(findings[0].column, 7U);
}

TEST(Validator, RefusesWhatItCannotWalk) {
    std::string deep = "x = ";
    for (int i = 0; i < 150; ++i)
        deep += "(1 + ";
    deep += "1" + std::string(150, ')');
    Policy shallow = strategy();
    shallow.max_depth = 100;
    EXPECT_TRUE(has_rule(findings_of(deep, shallow), "too-deep"));
    EXPECT_TRUE(findings_of(deep).empty()) << described(findings_of(deep));
    Policy small = strategy();
    small.max_nodes = 10;
    EXPECT_TRUE(has_rule(findings_of("x = [1, 2, 3, 4, 5, 6, 7]", small), "too-large"));
}

TEST(Validator, TenThousandBracketsAreAFindingAndNoCrash) {
    for (const char bracket : {'(', '[', '{'}) {
        const auto findings = findings_of(std::string(10000, bracket));
        ASSERT_EQ(findings.size(), 1U);
        EXPECT_EQ(findings[0].severity, Severity::kError);
    }
    const auto minus = findings_of("x = " + std::string(100000, '-') + "1");
    ASSERT_EQ(minus.size(), 1U);
}

TEST(Validator, SaysWhenThereIsMore) {
    std::string source;
    for (int i = 0; i < 300; ++i)
        source += "eval\n";
    const auto findings = findings_of(source);
    EXPECT_EQ(findings.size(), 101U);
    EXPECT_EQ(findings.back().rule, "too-many-findings");
}

TEST(SourceCheck, WantsUtf8WithoutNullBytes) {
    const Policy& policy = strategy();
    EXPECT_TRUE(check_source("x = 'é'", policy).empty());
    EXPECT_TRUE(check_source("\xef\xbb\xbfx = 1", policy).empty());
    for (const char* broken :
         {"\xff", "\xc3", "x = '\xe9'", "\xc0\x80", "\xed\xa0\x80", "\xf5\x80\x80\x80"}) {
        EXPECT_TRUE(has_rule(check_source(broken, policy), "encoding")) << broken;
    }
    EXPECT_TRUE(has_rule(check_source(std::string_view("x\0y", 3), policy), "null-byte"));
    EXPECT_TRUE(has_rule(check_source("# -*- coding: latin-1 -*-\n", policy), "encoding"));
    EXPECT_TRUE(
        has_rule(check_source("#!x\n# vim: set fileencoding=cp1252 :\n", policy), "encoding"));
    EXPECT_TRUE(check_source("# -*- coding: utf-8 -*-\n", policy).empty());
    EXPECT_TRUE(check_source("\n\n# coding: latin-1\n", policy).empty());
}

TEST(SourceCheck, WarnsOfTextThatLooksLikeOther) {
    const auto findings = check_source("x = '\u202e'", strategy());
    ASSERT_EQ(findings.size(), 1U);
    EXPECT_EQ(findings[0].rule, "bidi-control");
    EXPECT_EQ(findings[0].severity, Severity::kWarning);
}

TEST(SourceCheck, KnowsItsLimit) {
    Policy policy = strategy();
    policy.max_source_bytes = 10;
    EXPECT_TRUE(has_rule(check_source("x = 'a very long line'", policy), "source-too-large"));
}

}  // namespace
}  // namespace vitrine::python
