#include "python/value.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "support/interpreter.h"

namespace vitrine::python {
namespace {

/// The JSON of what a Python expression gives.
ValueClaim claim_of(const std::string& expression) {
    const Api& api = test::shared_interpreter().api();
    const Ref builtins(api, api.PyImport_ImportModule("builtins"));
    const Ref globals(api, api.PyDict_New());
    const Ref value(api, api.PyObject_CallMethod(builtins.get(), "eval", "sO", expression.c_str(),
                                                 globals.get()));
    EXPECT_TRUE(static_cast<bool>(value)) << take_error(api);
    return to_json(api, value.get());
}

TEST(Value, BecomesStrictJson) {
    EXPECT_EQ(claim_of("None").json, "null");
    EXPECT_EQ(claim_of("[True, False, 1, -2, 1.5, 'a\"b']").json,
              R"([true,false,1,-2,1.5,"a\"b"])");
    EXPECT_EQ(claim_of("{'a': (1, 2), 'b': {}}").json, R"({"a":[1,2],"b":{}})");
    EXPECT_EQ(claim_of("1e16").json, "1e+16");
    EXPECT_EQ(claim_of("0.1 + 0.2").json, "0.30000000000000004");
}

TEST(Value, NotesWhatJsonCannotSay) {
    const ValueClaim nan = claim_of("{'x': [float('nan'), float('inf')]}");
    EXPECT_EQ(nan.json, R"({"x":[null,null]})");
    EXPECT_EQ(nan.notes.size(), 2U);
    EXPECT_NE(nan.notes[0].find("$.x[0]"), std::string::npos);
    const ValueClaim huge = claim_of("2 ** 100");
    EXPECT_EQ(huge.json, "\"1267650600228229401496703205376\"");
    EXPECT_EQ(huge.notes.size(), 1U);
}

TEST(Value, RefusesWhatHasNoForm) {
    EXPECT_THROW(claim_of("object()"), Error);
    EXPECT_THROW(claim_of("[lambda: 0]"), Error);
    EXPECT_THROW(claim_of("'x' * 2000000"), Error);
    EXPECT_THROW(claim_of("(lambda f: f(f, 0))(lambda f, n: [f(f, n + 1)] if n < 100 else [])"),
                 Error);
}

TEST(Value, KeepsNoCountOfNotesItThrowsAway) {
    const ValueClaim claim = claim_of("[float('nan')] * 40000");
    EXPECT_EQ(claim.json.size(), 40000 * 5 + 1U);
    EXPECT_EQ(claim.notes.size(), 20U);
}

TEST(Value, WritesKeysAsJsonHasThem) {
    EXPECT_EQ(claim_of("{True: 1, False: 2, None: 3, 4: 5, 1.5: 6}").json,
              R"({"true":1,"false":2,"null":3,"4":5,"1.5":6})");
}

TEST(Value, BelievesNoObjectsWordAboutItself) {
    EXPECT_THROW(claim_of("type('D', (dict,), {'items': lambda self: [1]})(a=1)"), Error);
    EXPECT_THROW(claim_of("type('D', (dict,), {'items': lambda self: [(1,)]})(a=1)"), Error);
    EXPECT_THROW(claim_of("type('F', (), {'__class__': float})()"), Error);
    EXPECT_EQ(claim_of("type('F', (float,), {'__repr__': lambda self: 'x'})(1.5)").json, "1.5");
    EXPECT_TRUE(take_error(test::shared_interpreter().api()).empty());
}

TEST(Value, ComesBackFromJson) {
    const Api& api = test::shared_interpreter().api();
    EXPECT_EQ(to_json(api, from_json(api, R"({"a":[1,"é"]})").get()).json, R"({"a":[1,"é"]})");
}

}  // namespace
}  // namespace vitrine::python
