#include "python/guard.h"

#include <algorithm>

#include "base/error.h"
#include "python/c_function.h"
#include "python/site_builtins.h"

namespace vitrine::python {

/// One module as the program sees it.
struct Facade {
    Guard* guard = nullptr;
    const ModuleRule* rule = nullptr;
    Ref real;
    Ref module;
};

namespace {

PyObject* refuse(const Api& api, PyObject* type, const std::string& message) {
    api.PyErr_SetString(type, message.c_str());
    return nullptr;
}

PyObject* own(const Api& api, PyObject* object) {
    api.Py_IncRef(object);
    return object;
}

bool is_of_type_of(PyObject* object, PyObject* other) {
    return Py_TYPE(object) == Py_TYPE(other);
}

/// Functions, classes and constants are copied: CPython reads a plain module's attributes fastest.
/// Anything else may be replaced while the program runs, as sys.stdout is.
bool is_constant(const Api& api, PyObject* value) {
    const unsigned long simple = Py_TPFLAGS_LONG_SUBCLASS | Py_TPFLAGS_UNICODE_SUBCLASS |
                                 Py_TPFLAGS_TUPLE_SUBCLASS | Py_TPFLAGS_BYTES_SUBCLASS;
    return api.PyCallable_Check(value) != 0 || (Py_TYPE(value)->tp_flags & simple) != 0 ||
           Py_TYPE(value) == api.PyFloat_Type;
}

PyObject* loaded_module(const Api& api, const std::string& name) {
    return api.PyDict_GetItemString(api.PyImport_GetModuleDict(), name.c_str());
}

// ── facades ──

/// `__getattr__` of a facade: a listed name that was not copied.
PyObject* facade_getattr(PyObject* self, PyObject* name) {
    const Facade& facade = data_of<Facade>(self);
    const Api& api = facade.guard->api;
    const std::string text = to_text(api, name);
    if (facade.rule->names.contains(text)) {
        PyObject* value = api.PyObject_GetAttr(facade.real.get(), name);
        if (value == nullptr || !is_of_type_of(value, facade.real.get())) return value;
        api.Py_DecRef(value);
    }
    return refuse(api, *api.PyExc_AttributeError,
                  concat("the policy allows no '", facade.rule->name, ".", text, "'"));
}

/// Null, with a Python exception set, when there is no such module.
PyObject* facade_of(Guard& guard, const std::string& name);

void fill(Guard& guard, const Facade& facade) {
    const Api& api = guard.api;
    PyObject* from = api.PyModule_GetDict(facade.real.get());
    PyObject* into = api.PyModule_GetDict(facade.module.get());
    for (const std::string_view name : facade.rule->names.names()) {
        const std::string key(name);
        PyObject* value = api.PyDict_GetItemString(from, key.c_str());
        if (value == nullptr || is_of_type_of(value, facade.real.get())) continue;
        if (is_constant(api, value)) (void)api.PyDict_SetItemString(into, key.c_str(), value);
    }
    const Ref getattr = make_function(api, guard.getattr_method, facade);
    if (getattr) (void)api.PyDict_SetItemString(into, "__getattr__", getattr.get());
}

/// Listed modules right below this one that are there, too.
void link_children(Guard& guard, const Facade& facade) {
    const std::string prefix = facade.rule->name + ".";
    for (const ModuleRule& rule : guard.policy.modules) {
        if (!rule.name.starts_with(prefix)) continue;
        const std::string child = rule.name.substr(prefix.size());
        if (child.contains('.') || loaded_module(guard.api, rule.name) == nullptr) continue;
        PyObject* module = facade_of(guard, rule.name);
        if (module == nullptr) return guard.api.PyErr_Clear();
        (void)guard.api.PyDict_SetItemString(guard.api.PyModule_GetDict(facade.module.get()),
                                             child.c_str(), module);
    }
}

/// Takes away what no program of this policy may reach, by whatever name.
void disarm(Guard& guard, const ModuleRule& rule, PyObject* module) {
    const Api& api = guard.api;
    for (const std::string_view path : rule.disarmed.names()) {
        const Ref owner = owner_of(api, module, path);
        const Ref refusal = make_function(api, guard.refusal_method, guard);
        if (owner && refusal) {
            (void)api.PyObject_SetAttrString(owner.get(), last_name(path).c_str(), refusal.get());
        }
        api.PyErr_Clear();  // Another version of the library has no such thing.
    }
}

/// Disarms what has been loaded, by whomever: pandas calls what numpy has by names that are data.
void prepare_modules(Guard& guard) {
    for (const ModuleRule& rule : guard.policy.modules) {
        if ((rule.disarmed.empty() && rule.checked.empty()) || guard.prepared.contains(rule.name)) {
            continue;
        }
        PyObject* module = loaded_module(guard.api, rule.name);
        if (module == nullptr) continue;
        guard.prepared.insert(rule.name);
        disarm(guard, rule, module);
        check_calls(guard.api, guard.policy, rule, module, guard.checked_calls);
    }
}

PyObject* facade_of(Guard& guard, const std::string& name) {
    const Api& api = guard.api;
    const auto known = std::ranges::find_if(
        guard.facades, [&](const auto& facade) { return facade->rule->name == name; });
    if (known != guard.facades.end()) {
        link_children(guard, **known);
        return (*known)->module.get();
    }
    const ModuleRule* rule = guard.policy.find_module(name);
    PyObject* real = loaded_module(api, name);
    if (rule == nullptr || real == nullptr) {
        return refuse(api, *api.PyExc_ImportError,
                      concat("the policy '", guard.policy.name, "' does not allow '", name, "'"));
    }
    auto facade =
        std::make_unique<Facade>(Facade{.guard = &guard,
                                        .rule = rule,
                                        .real = Ref(api, own(api, real)),
                                        .module = Ref(api, api.PyModule_New(name.c_str()))});
    if (!facade->module) return nullptr;
    const Facade& kept = *guard.facades.emplace_back(std::move(facade));
    if (name == "typing") stand_in_for_typing(guard.classes, real);
    fill(guard, kept);
    link_children(guard, kept);
    return kept.module.get();
}

// ── __import__ ──

bool may_import_names(const Guard& guard, const std::string& module, PyObject* names) {
    const Api& api = guard.api;
    const ModuleRule* rule = guard.policy.find_module(module);
    const Py_ssize_t count = api.PySequence_Size(names);
    for (Py_ssize_t i = 0; i < count; ++i) {
        const Ref item(api, api.PySequence_GetItem(names, i));
        const std::string name = to_text(api, item.get());
        if (rule->names.contains(name)) continue;
        if (guard.policy.find_module(concat(module, ".", name)) != nullptr) continue;
        (void)refuse(api, *api.PyExc_ImportError,
                     concat("the policy '", guard.policy.name, "' does not allow '", module, ".",
                            name, "'"));
        return false;
    }
    return true;
}

/// Called with name, globals, locals, fromlist, level.
PyObject* guarded_import(PyObject* self, PyObject* arguments) {
    Guard& guard = data_of<Guard>(self);
    const Api& api = guard.api;
    PyObject* name_object = api.PyTuple_GetItem(arguments, 0);
    if (name_object == nullptr) return nullptr;
    const std::string name = to_text(api, name_object);
    PyObject* names =
        api.PyTuple_Size(arguments) > 3 ? api.PyTuple_GetItem(arguments, 3) : api._Py_NoneStruct;
    // C code that runs under the program's frame asks through the program's built-ins, with a list
    // where an import statement has a tuple. It takes the module from sys.modules itself.
    const bool is_library = (Py_TYPE(names)->tp_flags & Py_TPFLAGS_LIST_SUBCLASS) != 0;
    const bool is_future = name == "__future__";
    if (!is_library && !is_future && guard.policy.find_module(name) == nullptr) {
        return refuse(api, *api.PyExc_ImportError,
                      concat("the policy '", guard.policy.name, "' does not allow '", name, "'"));
    }
    Ref imported(api, api.PyObject_Call(guard.builtin_import.get(), arguments, nullptr));
    if (!imported || is_future) return imported.release();
    prepare_modules(guard);
    if (is_library) return own(api, api._Py_NoneStruct);
    const bool has_names = names != api._Py_NoneStruct && api.PySequence_Size(names) > 0;
    if (has_names && !may_import_names(guard, name, names)) return nullptr;
    PyObject* facade = facade_of(guard, has_names ? name : name.substr(0, name.find('.')));
    return facade == nullptr ? nullptr : own(api, facade);
}

PyObject* refuse_call(PyObject* self, PyObject* /*arguments*/, PyObject* /*keywords*/) {
    const Guard& guard = data_of<Guard>(self);
    return refuse(guard.api, *guard.api.PyExc_PermissionError,
                  concat("the policy '", guard.policy.name, "' does not allow this call"));
}

}  // namespace

Guard::Guard(const Api& api_used, const Policy& policy_used)
    : api(api_used),
      policy(policy_used),
      builtins(api_used, nullptr),
      builtin_import(api_used, nullptr),
      classes(api_used) {}

Guard::~Guard() = default;

namespace {

void name_methods(Guard& guard) {
    guard.import_method = {"__import__", &guarded_import, METH_VARARGS, nullptr};
    guard.getattr_method = {"__getattr__", &facade_getattr, METH_O, nullptr};
    guard.refusal_method = {
        "refused", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(&refuse_call)),
        METH_VARARGS | METH_KEYWORDS, nullptr};
}

PyObject* real_builtins(const Api& api) {
    const Ref module(api, api.PyImport_ImportModule("builtins"));
    if (!module) throw Error(concat("finding the built-ins: ", take_error(api)));
    return api.PyModule_GetDict(module.get());  // sys.modules has it, too.
}

void reduce_builtins(Guard& guard) {
    const Api& api = guard.api;
    guard.builtins = Ref(api, api.PyDict_Copy(real_builtins(api)));
    if (!guard.builtins) throw Error(concat("copying the built-ins: ", take_error(api)));
    for (const std::string_view name : guard.policy.refused_builtins.names()) {
        // Not every version has every one of them.
        if (api.PyDict_DelItemString(guard.builtins.get(), std::string(name).c_str()) != 0) {
            api.PyErr_Clear();
        }
    }
}

void guard_imports(Guard& guard) {
    const Api& api = guard.api;
    PyObject* import = api.PyDict_GetItemString(real_builtins(api), "__import__");
    if (import == nullptr) throw Error("guarding imports: there is no __import__");
    guard.builtin_import = Ref(api, own(api, import));
    const Ref guarded = make_function(api, guard.import_method, guard);
    if (!guarded ||
        api.PyDict_SetItemString(guard.builtins.get(), "__import__", guarded.get()) != 0) {
        throw Error(concat("guarding imports: ", take_error(api)));
    }
}

/// Those that the program's source asks for, bound since the copy was made.
void add_site_builtins(Guard& guard) {
    const Api& api = guard.api;
    PyObject* real = real_builtins(api);
    for (const char* name : site_builtin_names()) {
        PyObject* bound = api.PyDict_GetItemString(real, name);
        if (bound == nullptr || guard.policy.refused_builtins.contains(name)) continue;
        (void)api.PyDict_SetItemString(guard.builtins.get(), name, bound);
    }
}

}  // namespace

std::unique_ptr<Guard> make_guard(const Api& api, const Policy& policy) {
    auto guard = std::make_unique<Guard>(api, policy);
    name_methods(*guard);
    reduce_builtins(*guard);
    install_class_guard(guard->classes, guard->builtins.get());
    guard_imports(*guard);
    prepare_modules(*guard);
    return guard;
}

void install_guard(Guard& guard, PyObject* globals) {
    const Api& api = guard.api;
    add_site_builtins(guard);
    prepare_modules(guard);
    if (api.PyDict_SetItemString(globals, "__builtins__", guard.builtins.get()) != 0) {
        throw Error(concat("guarding built-ins: ", take_error(api)));
    }
}

}  // namespace vitrine::python
