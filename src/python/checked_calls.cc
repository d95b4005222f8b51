#include "python/checked_calls.h"

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "python/c_function.h"
#include "python/type_text.h"

namespace vitrine::python {

namespace {

bool is_text(PyObject* object) {
    return (Py_TYPE(object)->tp_flags & Py_TPFLAGS_UNICODE_SUBCLASS) != 0;
}

// ── what the text may be ──

bool is_harmless_type(const Policy& policy, std::string_view text) {
    const TypeText read = read_type_text(text);
    return read.stranger.empty() && std::ranges::all_of(read.names, [&](std::string_view name) {
               const std::string_view head = name.substr(0, name.find('.'));
               return name.find("__") == std::string_view::npos && !is_keyword_of_code(head) &&
                      !policy.refused_builtins.contains(head);
           });
}

bool is_harmless_attribute(const Policy& policy, std::string_view name) {
    return !name.starts_with('_') && !policy.refused_attributes.contains(name) &&
           !policy.own_attributes.contains(name) &&
           std::ranges::none_of(policy.modules, [&](const ModuleRule& module) {
               return module.refused_attributes.contains(name);
           });
}

bool is_harmless(const CheckedCall& call, PyObject* object) {
    const Api& api = call.api;
    // What is no text is the library's business, but for a str of a class that may answer
    // differently each time it is asked.
    if (!is_text(object)) return true;
    if (call.kind == CheckedText::Kind::kAttribute) {
        return is_harmless_attribute(call.policy, to_text(api, object));
    }
    if (Py_TYPE(object) != api.PyUnicode_Type) return false;
    return call.kind == CheckedText::Kind::kIdentifier
               ? api.PyUnicode_IsIdentifier(object) == 1
               : is_harmless_type(call.policy, to_text(api, object));
}

PyObject* checked(PyObject* self, PyObject* arguments, PyObject* keywords) {
    const CheckedCall& call = data_of<CheckedCall>(self);
    const Api& api = call.api;
    PyObject* text = api.PyTuple_Size(arguments) > call.index
                         ? api.PyTuple_GetItem(arguments, call.index)
                         : nullptr;
    if (text == nullptr || !is_harmless(call, text)) {
        api.PyErr_SetString(
            *api.PyExc_PermissionError,
            concat("the policy '", call.policy.name, "' does not allow this text here").c_str());
        return nullptr;
    }
    return api.PyObject_Call(call.real.get(), arguments, keywords);
}

/// A class's function is bound to its objects, which a C function is not by itself.
Ref clothed(CheckedCall& call, const Ref& owner) {
    const Api& api = call.api;
    Ref function = make_function(api, call.method, call);
    const bool is_in_class = (Py_TYPE(owner.get())->tp_flags & Py_TPFLAGS_TYPE_SUBCLASS) != 0;
    if (!function || !is_in_class) return function;
    return {api, api.PyInstanceMethod_New(function.get())};
}

}  // namespace

Ref owner_of(const Api& api, PyObject* object, std::string_view path) {
    api.Py_IncRef(object);
    Ref owner(api, object);
    std::size_t at = 0;
    for (std::size_t dot = path.find('.'); dot != std::string_view::npos && owner;
         dot = path.find('.', at)) {
        owner = Ref(api, api.PyObject_GetAttrString(
                             owner.get(), std::string(path.substr(at, dot - at)).c_str()));
        at = dot + 1;
    }
    if (!owner) api.PyErr_Clear();
    return owner;
}

std::string last_name(std::string_view path) {
    return std::string(path.substr(path.rfind('.') + 1));
}

void check_calls(const Api& api, const Policy& policy, const ModuleRule& rule, PyObject* module,
                 std::vector<std::unique_ptr<CheckedCall>>& kept) {
    for (const std::string_view text : rule.checked.names()) {
        const std::optional<CheckedText> word = parse_checked(text);
        const Ref owner = word ? owner_of(api, module, word->path) : Ref(api, nullptr);
        if (!owner) continue;
        const std::string name = last_name(word->path);
        Ref real(api, api.PyObject_GetAttrString(owner.get(), name.c_str()));
        if (real) {
            auto call = std::make_unique<CheckedCall>(
                CheckedCall{.api = api,
                            .policy = policy,
                            .real = std::move(real),
                            .index = static_cast<Py_ssize_t>(word->index),
                            .kind = word->kind});
            call->method = {"checked",
                            reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(&checked)),
                            METH_VARARGS | METH_KEYWORDS, nullptr};
            const Ref function = clothed(*call, owner);
            if (function) {
                (void)api.PyObject_SetAttrString(owner.get(), name.c_str(), function.get());
            }
            kept.push_back(std::move(call));
        }
        api.PyErr_Clear();
    }
}

}  // namespace vitrine::python
