#include "python/ast.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "support/interpreter.h"

namespace vitrine::python {
namespace {

/// A tree as a newer grammar could make one: its function has a field more, with `value` in it.
Node function_with(const std::string& value) {
    const Api& api = test::shared_interpreter().api();
    const std::string code = concat(R"(
import ast
class FunctionDef(ast.FunctionDef):
    _fields = ast.FunctionDef._fields + ("type_params",)
tree = ast.parse("def f(): pass")
function = tree.body[0]
tree.body[0] = FunctionDef(**{name: getattr(function, name) for name in ast.FunctionDef._fields})
tree.body[0].type_params = )",
                                    value);
    const Ref builtins(api, api.PyImport_ImportModule("builtins"));
    const Ref names(api, api.PyDict_New());
    const Ref done(
        api, api.PyObject_CallMethod(builtins.get(), "exec", "sO", code.c_str(), names.get()));
    EXPECT_TRUE(static_cast<bool>(done)) << take_error(api);
    Copied copied = copy_ast(api, api.PyDict_GetItemString(names.get(), "tree"), 100, 1000);
    return std::move(*copied.root->field("body")->nodes.front());
}

TEST(Ast, ANodeWithAFieldNobodyKnowsIsNotKnown) {
    const Node generic = function_with("[ast.Name('T', ast.Load())]");
    EXPECT_EQ(generic.type, NodeType::kUnknown);
    EXPECT_EQ(generic.type_name, "FunctionDef with type_params");
    EXPECT_EQ(function_with("'text'").type, NodeType::kUnknown);
    EXPECT_EQ(function_with("[]").type, NodeType::kFunctionDef);
}

}  // namespace
}  // namespace vitrine::python
