// What layer 1 allows, as plain data. Written in profiles/policy/*.json, read by the supervisor
// (policy_file.h), applied by the validator inside the sandbox.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/wire.h"

namespace vitrine::python {

/// A set of names as one text, separated by single spaces: cheap to read, to send and to keep for
/// the few that are ever looked up.
class NameSet {
  public:
    NameSet() = default;
    /// `text`: names separated by any white space.
    explicit NameSet(std::string_view text);
    /// `text` is another set's text().
    static NameSet from_wire(std::string_view text) {
        NameSet set;
        set.text_ = text;
        return set;
    }

    bool contains(std::string_view name) const;
    bool empty() const noexcept { return text_.size() <= 1; }
    const std::string& text() const noexcept { return text_; }
    /// The names, in their order; they live as long as the set.
    std::vector<std::string_view> names() const;

    bool operator==(const NameSet&) const = default;

  private:
    std::string text_ = " ";  // One space before and after every name.
};

/// A module a program may import, and what of it it may use. Nothing else of it can be named.
struct ModuleRule {
    std::string name;  ///< `collections.abc`
    NameSet names;
    /// Attributes that may be named on no object in a program that imports this module, but for
    /// objects that are certainly of a class of the program's own that defines them.
    NameSet refused_attributes;
    /// Methods that take another method's name as text: no text but a literal.
    NameSet name_methods;
    /// Methods that write to a file when they are given one: none but one in memory.
    NameSet file_methods;
    /// What the guard takes away at run time, as paths from the module: `DataFrame.eval`.
    NameSet disarmed;
    /// Functions whose text the guard looks at before they get it: parse_checked() reads the
    /// words.
    NameSet checked;
    /// Imported only where one of `names` is used.
    bool only_for_names = false;

    bool operator==(const ModuleRule&) const = default;
};

/// A word of ModuleRule::checked.
struct CheckedText {
    enum class Kind : std::uint8_t {
        kIdentifier,  ///< A Python identifier, and of type str itself.
        kType,        ///< The text of a type, of type str itself.
        kAttribute,   ///< An attribute that a program might name.
    };
    std::string_view path;    ///< From the module: `ForwardRef.__init__`. Part of the word.
    std::uint32_t index = 0;  ///< Which positional argument is the text; `self` counts.
    Kind kind = Kind::kIdentifier;
};
/// Nothing for a word that has not the form `path:argument:kind`.
std::optional<CheckedText> parse_checked(std::string_view word);

/// How a function that takes names, or makes classes, may be used: called, and only in this way.
struct CallRule {
    enum class Kind : std::uint8_t {
        kName,        ///< Argument `index` is an attribute's name: a literal.
        kNames,       ///< Every argument is.
        kPlain,       ///< `index` positional arguments at most, and nothing else.
        kKeywords,    ///< No `**`: its keywords become attributes.
        kMetaclass,   ///< Not called at all: only as `metaclass=`.
        kIterated,    ///< Only as what a comprehension runs over, for its items' attributes.
        kDefault,     ///< Only as the value of an annotated assignment in a class.
        kMemoryFile,  ///< Argument `index` is a file in memory.
        kBase,        ///< Only as a class's base, or called with literal field names.
        kOptions,     ///< Every other argument from `index` on is an option's name: a literal.
    };
    std::string function;  ///< A built-in, or `module.name`.
    Kind kind = Kind::kName;
    std::uint32_t index = 0;

    bool operator==(const CallRule&) const = default;
};

struct Policy {
    bool enabled = false;  ///< False: no layer 1 at all; nothing below counts.
    std::string name;
    std::uint64_t max_source_bytes = 0;
    std::uint32_t max_depth = 0;  ///< Of the syntax tree.
    std::uint32_t max_nodes = 0;
    std::vector<ModuleRule> modules;  ///< Sorted by name.
    std::vector<CallRule> calls;      ///< Sorted by function.
    /// Built-in functions that may not be named.
    NameSet refused_builtins;
    /// Attributes that may not be named on anything.
    NameSet refused_attributes;
    /// Attributes that may be named only in programs whose own classes define them.
    NameSet own_attributes;
    /// Attributes with one leading underscore that are public all the same: `_replace`.
    NameSet usable_privates;
    /// Names with two leading underscores that may be used…
    NameSet usable_dunders;
    /// …and those that may also be defined.
    NameSet definable_dunders;
    /// Node types of CPython's grammar that are refused: `AsyncFor`.
    NameSet refused_syntax;

    /// Null when `module` may not be imported.
    const ModuleRule* find_module(std::string_view module) const;
    /// Null when `function` may be used in any way.
    const CallRule* find_call(std::string_view function) const;

    bool operator==(const Policy&) const = default;
};

/// The sets of a policy by their keys in a file, in the order of the wire.
struct PolicySet {
    const char* key;
    NameSet Policy::* set;
};
inline constexpr std::array<PolicySet, 7> kPolicySets{
    {{"refused_builtins", &Policy::refused_builtins},
     {"refused_attributes", &Policy::refused_attributes},
     {"own_attributes", &Policy::own_attributes},
     {"usable_privates", &Policy::usable_privates},
     {"usable_dunders", &Policy::usable_dunders},
     {"definable_dunders", &Policy::definable_dunders},
     {"refused_syntax", &Policy::refused_syntax}}};

/// The same for the sets of a module.
struct ModuleSet {
    const char* key;
    NameSet ModuleRule::* set;
};
inline constexpr std::array<ModuleSet, 6> kModuleSets{
    {{"names", &ModuleRule::names},
     {"refused_attributes", &ModuleRule::refused_attributes},
     {"name_methods", &ModuleRule::name_methods},
     {"file_methods", &ModuleRule::file_methods},
     {"disarmed", &ModuleRule::disarmed},
     {"checked", &ModuleRule::checked}}};

void write(WireWriter& writer, const Policy& policy);
/// Throws Error on bytes that do not fit.
Policy read_policy(WireReader& reader);

}  // namespace vitrine::python
