// What a whole program says about itself, gathered in one pass before it is judged place by place.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "python/ast.h"

namespace vitrine::python {

/// All views point into the tree.
struct Facts {
    /// Attributes that classes of the program define: in their bodies, in __slots__, on `self`.
    std::set<std::string_view> attributes;
    /// Values that are stored in attributes of `self`, by the attribute's name.
    std::map<std::string_view, std::vector<const Node*>> stored;
    /// The classes' names without leading underscores: what names are mangled with.
    std::set<std::string_view> mangling_classes;
    /// Names that `del` or the end of an `except` takes away.
    std::set<std::string_view> unbound;
    /// Names that functions declare global or nonlocal: their values may change anywhere.
    std::set<std::string_view> shared;
    std::set<std::string_view> imported;  ///< Modules, by full name and by their packages.
};

Facts facts_of(const Node& module);

/// `_Box__item`, spelled so, for a class Box of the program.
bool is_mangled(const Facts& facts, std::string_view name);

}  // namespace vitrine::python
