#include "base/causes.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

namespace vitrine {
namespace {

/// `docs/troubleshooting.md` ends with the table; VITRINE_WRITE_DOCS=1 writes it anew.
TEST(Causes, AreWhatTheDocumentationSays) {
    const std::string path = VITRINE_SOURCE_ROOT "/docs/troubleshooting.md";
    constexpr std::string_view kMark = "## Nothing runs\n";
    std::stringstream text;
    text << std::ifstream(path).rdbuf();
    const std::string all = text.str();
    const std::size_t start = all.find(kMark);
    ASSERT_NE(start, std::string::npos);
    const std::string wanted = all.substr(0, start) + causes_as_markdown();
    if (::getenv("VITRINE_WRITE_DOCS") != nullptr) {  // NOLINT(concurrency-mt-unsafe)
        std::ofstream(path) << wanted;
        return;
    }
    EXPECT_EQ(all, wanted) << "run this test with VITRINE_WRITE_DOCS=1";
}

TEST(Causes, HaveDistinctNamesAndSomethingToDo) {
    std::set<std::string> names;
    for (const CauseText& row : all_causes()) {
        EXPECT_TRUE(names.insert(row.id).second) << row.id;
        EXPECT_TRUE(std::regex_match(row.id, std::regex("[a-z0-9-]+"))) << row.id;
        EXPECT_FALSE(std::string_view(row.message).empty()) << row.id;
        EXPECT_FALSE(std::string_view(row.remedy).empty()) << row.id;
        EXPECT_FALSE(std::string_view(row.explanation).empty()) << row.id;
    }
}

/// Every place that a text has is filled by the row's example, and by no more than it needs.
TEST(Causes, FillTheirExamples) {
    for (const CauseText& row : all_causes()) {
        const std::string texts =
            concat(row.message, row.remedy, row.file != nullptr ? row.file : "");
        for (const std::size_t i : {0U, 1U}) {
            const bool has_place = texts.find(concat("{", i, "}")) != std::string::npos;
            EXPECT_EQ(has_place, !row.example.at(i).empty()) << row.id << " {" << i << "}";
        }
    }
}

TEST(Advise, PutsWhatWasSeenIntoBothTexts) {
    const Advice advice = advise(Cause::kNamespaceLimit, {"net", "0"});
    EXPECT_EQ(advice.message,
              "the limit on net namespaces is reached: user.max_net_namespaces is 0 here");
    EXPECT_TRUE(advice.remedy.starts_with("sysctl -w user.max_net_namespaces=15000;"));
    EXPECT_EQ(advise(Cause::kRootfsMissing, {"{1}"}).message, "rootfs '{1}' does not exist");
}

}  // namespace
}  // namespace vitrine
