#include "python/rules.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

#include "base/error.h"
#include "python/node_names.h"
#include "support/interpreter.h"
#include "support/validation.h"

namespace vitrine::python {
namespace {

TEST(Rules, AreInTheOrderOfTheirIdsAndOfTheEnumeration) {
    std::set<std::string_view> slugs;
    std::string_view last;
    for (const RuleText& rule : all_rules()) {
        EXPECT_LT(last, rule.id);
        last = rule.id;
        EXPECT_TRUE(slugs.insert(rule.slug).second) << rule.slug;
        EXPECT_EQ(rule_text(rule.rule).id, rule.id);
    }
    EXPECT_EQ(rule_text(Rule::kNotChecked).slug, all_rules().back().slug);
}

TEST(Rules, RefuseTheirExampleAndAcceptTheNearest) {
    for (const RuleText& rule : all_rules()) {
        if (!rule.refused.empty()) {
            const auto findings = test::findings_of(std::string(rule.refused));
            ASSERT_FALSE(findings.empty()) << rule.id;
            EXPECT_EQ(findings.front().id, rule.id) << test::described(findings);
        }
        const auto findings = test::findings_of(std::string(rule.accepted));
        EXPECT_TRUE(findings.empty()) << rule.id << "\n" << test::described(findings);
    }
}

/// `docs/policy.md` ends with the table; VITRINE_WRITE_DOCS=1 writes it anew.
TEST(Rules, AreWhatTheDocumentationSays) {
    const std::string path = VITRINE_SOURCE_ROOT "/docs/policy.md";
    constexpr std::string_view kMark = "## Rules\n\n";
    std::stringstream text;
    text << std::ifstream(path).rdbuf();
    const std::string all = text.str();
    const std::size_t start = all.find(kMark);
    ASSERT_NE(start, std::string::npos);
    const std::string wanted = all.substr(0, start) + std::string(kMark) + rules_as_markdown();
    if (::getenv("VITRINE_WRITE_DOCS") != nullptr) {  // NOLINT(concurrency-mt-unsafe)
        std::ofstream(path) << wanted;
        return;
    }
    EXPECT_EQ(all, wanted) << "run this test with VITRINE_WRITE_DOCS=1";
}

/// What the ast module of the running CPython can hold, and nobody has decided on.
TEST(NodeTypes, OfTheRunningCPythonAreAllDecided) {
    const Api& api = test::shared_interpreter().api();
    // Bases of others, types of other grammars than a program's, and types no parser makes.
    const std::set<std::string> never_in_a_program{
        "AST",          "mod",         "stmt",       "expr",          "expr_context", "boolop",
        "operator",     "unaryop",     "cmpop",      "excepthandler", "pattern",      "type_ignore",
        "slice",        "Interactive", "Expression", "FunctionType",  "TypeIgnore",   "Suite",
        "AugLoad",      "AugStore",    "Param",      "Num",           "Str",          "Bytes",
        "NameConstant", "Ellipsis",    "Index",      "ExtSlice",      "type_param"};
    // Known to exist in newer versions, and refused like everything unknown.
    const std::set<std::string> refused{"TypeAlias",    "TypeVar",     "ParamSpec",
                                        "TypeVarTuple", "TemplateStr", "Interpolation"};
    const Ref builtins(api, api.PyImport_ImportModule("builtins"));
    const Ref globals(api, api.PyDict_New());
    const Ref names(
        api, api.PyObject_CallMethod(
                 builtins.get(), "eval", "sO",
                 "[n for a in [__import__('ast')] for n in dir(a) if isinstance(getattr(a, n), "
                 "type) and issubclass(getattr(a, n), a.AST)]",
                 globals.get()));
    ASSERT_TRUE(static_cast<bool>(names)) << take_error(api);
    const Py_ssize_t count = api.PyList_Size(names.get());
    ASSERT_GT(count, 100);
    for (Py_ssize_t i = 0; i < count; ++i) {
        const std::string name = to_text(api, api.PyList_GetItem(names.get(), i));
        EXPECT_TRUE(is_node_type(name) || never_in_a_program.contains(name) ||
                    refused.contains(name))
            << name;
    }
}

}  // namespace
}  // namespace vitrine::python
