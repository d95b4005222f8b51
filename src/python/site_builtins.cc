#include "python/site_builtins.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/error.h"

namespace vitrine::python {

namespace {

struct SiteBuiltin {
    const char* name;
    const char* maker;  ///< Of _sitebuiltins.
};

constexpr auto kSiteBuiltins = std::to_array<SiteBuiltin>({
    {"copyright", "_Printer"},
    {"exit", "Quitter"},
    {"help", "_Helper"},
    {"quit", "Quitter"},
});

bool continues_a_name(char letter) {
    return std::isalnum(static_cast<unsigned char>(letter)) != 0 || letter == '_' || letter == '.';
}

/// As a name of its own: `sys.exit` is none. A comment that is taken for a use costs time only.
bool uses_name(std::string_view source, std::string_view name) {
    for (std::size_t at = source.find(name); at != std::string_view::npos;
         at = source.find(name, at + 1)) {
        if (at == 0 || !continues_a_name(source[at - 1])) return true;
    }
    return false;
}

Ref make(const Api& api, PyObject* module, const SiteBuiltin& builtin) {
    const std::string_view maker = builtin.maker;
    if (maker == "Quitter") {
        return {api, api.PyObject_CallMethod(module, builtin.maker, "ss", builtin.name,
                                             "Ctrl-D (i.e. EOF)")};
    }
    if (maker == "_Printer") {
        return {api, api.PyObject_CallMethod(module, builtin.maker, "sO", builtin.name,
                                             api.PySys_GetObject(builtin.name))};
    }
    return {api, api.PyObject_CallMethod(module, builtin.maker, nullptr)};
}

}  // namespace

std::array<const char*, 4> site_builtin_names() {
    std::array<const char*, kSiteBuiltins.size()> names{};
    std::ranges::transform(kSiteBuiltins, names.begin(), &SiteBuiltin::name);
    return names;
}

void bind_site_builtins(const Api& api, std::string_view source) {
    const bool is_used = source.find("builtins") != std::string_view::npos ||
                         std::ranges::any_of(kSiteBuiltins, [&](const SiteBuiltin& builtin) {
                             return uses_name(source, builtin.name);
                         });
    if (!is_used) return;
    const Ref module(api, api.PyImport_ImportModule("_sitebuiltins"));
    const Ref builtins(api, api.PyImport_ImportModule("builtins"));
    for (const SiteBuiltin& builtin : kSiteBuiltins) {
        const Ref object = !module ? Ref(api, nullptr) : make(api, module.get(), builtin);
        if (!object ||
            api.PyObject_SetAttrString(builtins.get(), builtin.name, object.get()) != 0) {
            throw Error(concat("binding '", builtin.name, "': ", take_error(api)));
        }
    }
}

}  // namespace vitrine::python
