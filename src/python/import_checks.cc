// Imports: which modules and names come in, and under which names.
#include "base/error.h"
#include "python/checks.h"

namespace vitrine::python {

using enum NodeType;

void Checks::check_module(const Node& node, std::string_view module) {
    if (is_module(module)) return;
    const std::string_view top = module.substr(0, module.find('.'));
    refuse(node, Rule::kImportNotAllowed,
           concat("the module '", module, "' may not be imported under the policy '", policy.name,
                  "'"),
           replacement_for(top));
}

/// A module in a class can be reached as an attribute, one declared global from anywhere.
void Checks::check_place_of_import(const Node& node, std::string_view bound) {
    if (scopes.back().kind == Scope::Kind::kClass) {
        refuse(node, Rule::kImportInClass, "an import may not stand in a class body");
    }
    if (scopes.back().globals.contains(bound) || scopes.back().nonlocals.contains(bound)) {
        refuse(node, Rule::kImportOfGlobal, concat("'", bound, "' is declared global or nonlocal"));
    }
    if (bound.starts_with("__") && !bound.ends_with("__")) {
        refuse(node, Rule::kMangledName, concat("'", bound, "' means other names in classes"),
               "choose another name");
    }
}

void Checks::check_import(const Node& node) {
    for (const auto& alias : node.children("names")) {
        const std::string_view module = alias->text("name");
        const std::string_view as = alias->text("asname");
        check_module(*alias, module);
        const std::string_view bound = as.empty() ? module.substr(0, module.find('.')) : as;
        check_definition(*alias, bound);
        check_place_of_import(*alias, bound);
    }
}

void Checks::check_import_from(const Node& node) {
    const std::string_view module = node.text("module");
    if (node.field("level")->number.value_or(0) != 0) {
        return refuse(node, Rule::kRelativeImport, "there is no package to import from");
    }
    const bool is_future = module == "__future__";
    if (!is_future && !is_module(module)) return check_module(node, module);
    for (const auto& alias : node.children("names")) {
        check_imported_name(*alias, is_future ? std::string_view() : module);
    }
}

/// `module` is empty for __future__, whose names CPython checks.
void Checks::check_imported_name(const Node& alias, std::string_view module) {
    const std::string_view name = alias.text("name");
    const std::string_view as = alias.text("asname");
    if (name == "*") {
        return refuse(alias, Rule::kStarImport,
                      concat("what this binds of ", module, " cannot be seen"));
    }
    check_definition(alias, as.empty() ? name : as);
    check_place_of_import(alias, as.empty() ? name : as);
    if (module.empty() || is_module(concat(module, ".", name))) return;
    check_module_name(alias, module, name);
}

void Checks::check_unused_imports() {
    for (const ModuleRule* module : imported_) {
        if (!module->only_for_names || used_modules.contains(module->name)) continue;
        Node place;
        refuse(place, Rule::kImportUnused,
               concat("the module '", module->name, "' is imported, and no listed name of it ",
                      "is used"));
    }
}

}  // namespace vitrine::python
