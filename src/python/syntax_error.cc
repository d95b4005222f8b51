// What CPython's parser says of a program that it does not take.
#include "base/error.h"
#include "python/rules.h"
#include "python/validator.h"

namespace vitrine::python {

namespace {

std::uint32_t number_attribute(const Api& api, PyObject* object, const char* name) {
    const Ref value(api, api.PyObject_GetAttrString(object, name));
    const long number = value ? api.PyLong_AsLong(value.get()) : 0;
    api.PyErr_Clear();
    return number > 0 ? static_cast<std::uint32_t>(number) : 0;
}

}  // namespace

Finding finding_from_syntax_error(const Api& api) {
    PyObject* type = nullptr;
    PyObject* value = nullptr;
    PyObject* traceback = nullptr;
    api.PyErr_Fetch(&type, &value, &traceback);
    api.PyErr_NormalizeException(&type, &value, &traceback);
    const Ref owned_type(api, type);
    const Ref owned_value(api, value);
    const Ref owned_traceback(api, traceback);
    const auto is = [&](PyObject* kind) {
        return api.PyErr_GivenExceptionMatches(type, kind) != 0;
    };
    if (is(*api.PyExc_MemoryError) || is(*api.PyExc_RecursionError)) {
        return make_finding(Rule::kTooDeep, "the program is nested too deep to be parsed");
    }
    const Ref message(api, api.PyObject_GetAttrString(value, "msg"));
    api.PyErr_Clear();
    const Ref text(api, message ? api.PyObject_Str(message.get()) : api.PyObject_Str(value));
    Finding finding =
        make_finding(Rule::kSyntaxError, concat("not valid Python: ", to_text(api, text.get())));
    finding.line = number_attribute(api, value, "lineno");
    finding.column = number_attribute(api, value, "offset");
    return finding;
}

}  // namespace vitrine::python
