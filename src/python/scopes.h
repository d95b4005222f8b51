// Which names a piece of a program binds, by Python's scoping rules: enough to tell a module from
// something else that has its name.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "python/ast.h"

namespace vitrine::python {

inline bool is_function(NodeType type) {
    return type == NodeType::kFunctionDef || type == NodeType::kAsyncFunctionDef;
}

/// How one scope binds one name. More than one of the first three may be set.
struct Binding {
    std::string module;     ///< Bound by an import: the module's full name.
    std::string member;     ///< Bound by a from-import: `functools.wraps`.
    bool is_other = false;  ///< Bound by anything else.
    /// Values it is assigned, and definitions, where every binding is one of these.
    std::vector<const Node*> values;
    bool has_unknown = false;  ///< Some binding is not among `values`.
    /// From this position on it is certainly bound; see position_of().
    std::uint64_t bound_from = kNeverBound;

    static constexpr std::uint64_t kNeverBound = UINT64_MAX;
};

struct Scope {
    enum class Kind { kModule, kClass, kFunction };  // Lambdas and comprehensions are functions.

    Kind kind = Kind::kModule;
    const Node* owner = nullptr;
    std::map<std::string_view, Binding> names;  ///< Keys point into the tree.
    std::set<std::string_view> globals;         ///< Declared global.
    std::set<std::string_view> nonlocals;
    std::string_view receiver;  ///< The first parameter of a method: `self`.
};

/// Line and column as one number that grows through the source.
std::uint64_t position_of(const Node& node);

/// Tells whether `module.name` is a module: `from collections import abc`.
class ModuleTable {
  public:
    virtual ~ModuleTable() = default;
    virtual bool is_module(std::string_view name) const = 0;
};

/// The bindings of the body of a module, class, function, lambda or comprehension.
Scope scope_of(const Node& owner, const ModuleTable& modules);

/// What a name means at some place.
struct Meaning {
    enum class Kind {
        kModule,  ///< `binding->module` says which, as far as can be told.
        kOwn,     ///< A variable of the program's: certainly nothing from outside it.
        kGlobal,  ///< A global variable, a built-in, or nothing.
    };
    Kind kind = Kind::kGlobal;
    const Binding* binding = nullptr;  ///< The scope's that was found to bind it.
};

/// Looks the name up that stands at `position`, from the innermost of `scopes` (the last)
/// outwards, as CPython will. In doubt it is a module. `unbound` are names that the program may
/// take away again.
Meaning meaning_of(std::string_view name, std::uint64_t position, const std::vector<Scope>& scopes,
                   const std::set<std::string_view>& unbound);

}  // namespace vitrine::python
