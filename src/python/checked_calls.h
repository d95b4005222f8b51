// Functions of libraries that make code, or attributes' names, of text that a program can compute:
// at run time the text is looked at before they get it.
#pragma once

#include "python/api.h"
#include "python/policy.h"

namespace vitrine::python {

/// One function of a library in its check's clothes. Must outlive the interpreter.
struct CheckedCall {
    const Api& api;
    const Policy& policy;
    Ref real;
    Py_ssize_t index = 0;  ///< Which positional argument is the text.
    CheckedText::Kind kind = CheckedText::Kind::kIdentifier;
    PyMethodDef method{};
};

/// Replaces what `rule.checked` names in `module`. Words are `path:index:kind`, with `self`
/// counted; what is not there, in another version of the library, is left out. The calls are added
/// to `kept`.
void check_calls(const Api& api, const Policy& policy, const ModuleRule& rule, PyObject* module,
                 std::vector<std::unique_ptr<CheckedCall>>& kept);

/// The object that holds the last name of a dotted path from `object`: null, with no exception set,
/// when there is none.
Ref owner_of(const Api& api, PyObject* object, std::string_view path);
/// The part of a dotted path behind its last dot.
std::string last_name(std::string_view path);

}  // namespace vitrine::python
