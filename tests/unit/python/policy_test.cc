#include <gtest/gtest.h>

#include "base/error.h"
#include "python/policy_file.h"
#include "support/scratch.h"

namespace vitrine::python {
namespace {

constexpr const char* kPolicies = VITRINE_SOURCE_ROOT "/profiles/policy";

TEST(NameSet, HoldsWholeNames) {
    const NameSet names("one  two\nthree");
    EXPECT_TRUE(names.contains("one"));
    EXPECT_TRUE(names.contains("three"));
    EXPECT_FALSE(names.contains("on"));
    EXPECT_FALSE(names.contains("one two"));
    EXPECT_FALSE(names.contains(""));
    EXPECT_TRUE(NameSet("").empty());
}

TEST(Policy, CrossesTheWire) {
    const Policy policy = load_policy("strategy", kPolicies);
    WireWriter writer;
    write(writer, policy);
    WireReader reader(writer.bytes());
    const Policy copy = read_policy(reader);
    EXPECT_TRUE(reader.at_end());
    EXPECT_EQ(copy.modules.size(), policy.modules.size());
    EXPECT_EQ(copy.definable_dunders.text(), policy.definable_dunders.text());
    EXPECT_EQ(copy.max_depth, policy.max_depth);
}

TEST(Policy, StrategyExtendsAlgorithms) {
    const Policy strategy = load_policy("strategy", kPolicies);
    const Policy algorithms = load_policy("algorithms", kPolicies);
    EXPECT_NE(strategy.find_module("numpy"), nullptr);
    EXPECT_EQ(algorithms.find_module("numpy"), nullptr);
    EXPECT_NE(strategy.find_module("math"), nullptr);
    EXPECT_EQ(strategy.find_module("os"), nullptr);
    EXPECT_FALSE(load_policy("off", kPolicies).enabled);
}

/// The message of the UsageError a policy file causes.
std::string refusal(const std::string& json) {
    const test::Scratch scratch;
    try {
        (void)load_policy(scratch.write("policy.json", json), kPolicies);
    } catch (const UsageError& error) {
        return error.what();
    }
    return "accepted";
}

TEST(Policy, EveryKeyIsChecked) {
    EXPECT_EQ(refusal(R"({"extends": "strategy"})"), "accepted");
    EXPECT_NE(refusal("{").find("not valid JSON"), std::string::npos);
    EXPECT_NE(refusal("[]").find("must be a JSON object"), std::string::npos);
    EXPECT_NE(refusal(R"({"extends": "strategy", "modulse": {}})").find("unknown key 'modulse'"),
              std::string::npos);
    EXPECT_NE(refusal(R"({"extends": "strategy", "modules": {"os": 1}})").find("modules.os"),
              std::string::npos);
    EXPECT_NE(refusal(R"({"extends": "strategy", "limits": {"depth": 0}})").find("limits.depth"),
              std::string::npos);
    EXPECT_NE(
        refusal(R"({"extends": "strategy", "limits": {"source": "1x"}})").find("limits.source"),
        std::string::npos);
    EXPECT_NE(refusal(R"({"modules": {}})").find("limits"), std::string::npos);
    EXPECT_NE(refusal(R"({"extends": "nonesuch"})").find("unknown policy"), std::string::npos);
}

TEST(Policy, AnUnknownNameListsTheKnown) {
    try {
        (void)load_policy("strict", kPolicies);
        FAIL();
    } catch (const UsageError& error) {
        EXPECT_NE(error.hint().find("algorithms, strategy, off"), std::string::npos);
    }
}

}  // namespace
}  // namespace vitrine::python
