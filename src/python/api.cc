#include "python/api.h"

#include <dlfcn.h>

#include <charconv>
#include <string_view>

#include "base/error.h"

namespace vitrine::python {

namespace {

/// 12 of `3.12.1 (main, ...)`.
int minor_of(std::string_view version) {
    int minor = 0;
    if (!version.starts_with("3.")) return minor;
    version.remove_prefix(2);
    (void)std::from_chars(version.data(), version.data() + version.size(), minor);
    return minor;
}

}  // namespace

Api Api::load(const std::string& libpython_path, const std::vector<std::string>& dependencies,
              SymbolBinding binding) {
    const int binding_flag = binding == SymbolBinding::kNow ? RTLD_NOW : RTLD_LAZY;
    for (const std::string& path : dependencies) {
        // One that cannot be loaded here is missed below, with a better message.
        (void)::dlopen(path.c_str(), binding_flag);
    }
    // RTLD_GLOBAL: extension modules expect to find the interpreter's symbols.
    void* library = ::dlopen(libpython_path.c_str(), binding_flag | RTLD_GLOBAL);
    if (library == nullptr) throw Error(concat("loading libpython: ", ::dlerror()));
    Api api;
    const auto look_up = [&](auto& slot, const char* name) {
        void* symbol = ::dlsym(library, name);
        if (symbol == nullptr) {
            throw Error(concat("'", libpython_path, "' has no ", name),
                        "build the rootfs from a CPython that Vitrine supports");
        }
        slot = reinterpret_cast<std::remove_reference_t<decltype(slot)>>(symbol);
    };
#define VITRINE_PYTHON_SYMBOL(name) look_up(api.name, #name);
#include "python/api_symbols.inc"
#undef VITRINE_PYTHON_SYMBOL
    api.PyGC_Enable = reinterpret_cast<decltype(api.PyGC_Enable)>(::dlsym(library, "PyGC_Enable"));
    api.minor = minor_of(api.Py_GetVersion());
    return api;
}

std::string to_text(const Api& api, PyObject* object) {
    Py_ssize_t size = 0;
    const char* text = object == nullptr ? nullptr : api.PyUnicode_AsUTF8AndSize(object, &size);
    if (text == nullptr) {
        api.PyErr_Clear();
        return {};
    }
    return {text, static_cast<std::size_t>(size)};
}

std::string take_error(const Api& api) {
    PyObject* type = nullptr;
    PyObject* value = nullptr;
    PyObject* traceback = nullptr;
    api.PyErr_Fetch(&type, &value, &traceback);
    const Ref owned_type(api, type);
    const Ref owned_value(api, value);
    const Ref owned_traceback(api, traceback);
    if (type == nullptr) return {};
    const Ref name(api, api.PyObject_GetAttrString(type, "__name__"));
    const Ref text(api, value == nullptr ? nullptr : api.PyObject_Str(value));
    return concat(to_text(api, name.get()), ": ", to_text(api, text.get()));
}

}  // namespace vitrine::python
