// Calls and class patterns: where attributes are reached by names that are data.
#include <algorithm>

#include "base/error.h"
#include "python/checks.h"

namespace vitrine::python {

namespace {

using enum NodeType;

constexpr int kMaxBases = 20;

bool has_star(const Node& call) {
    return std::ranges::any_of(call.children("args"),
                               [](const auto& argument) { return argument->type == kStarred; });
}

bool has_double_star(const Node& call) {
    return std::ranges::any_of(call.children("keywords"),
                               [](const auto& keyword) { return keyword->text("arg").empty(); });
}

bool is_plain(const Node& call) {
    return call.children("keywords").empty() && !has_star(call);
}

/// Text that is put together: no literal, but a string for certain.
bool is_made_text(const Node& node) {
    if (node.type == kJoinedStr) return true;
    if (node.type == kBinOp) {
        return string_literal(node.child("left")) != nullptr ||
               string_literal(node.child("right")) != nullptr ||
               is_made_text(*node.child("left")) || is_made_text(*node.child("right"));
    }
    if (node.type != kCall) return false;
    const Node& function = *node.child("func");
    if (function.type == kName) return function.text("id") == "str" || function.text("id") == "chr";
    return function.type == kAttribute && (string_literal(function.child("value")) != nullptr ||
                                           is_made_text(*function.child("value")));
}

bool is_literal_list(const Node& node) {
    if (string_literal(&node) != nullptr) return true;
    if (node.type != kList && node.type != kTuple) return false;
    return std::ranges::all_of(node.children("elts"), [](const auto& element) {
        return string_literal(element.get()) != nullptr;
    });
}

/// Every name in `RED GREEN`, `["RED", "GREEN"]`.
template <typename Action>
void for_each_listed_name(const Node& node, Action&& action) {
    if (string_literal(&node) != nullptr) {
        std::string text(node.text("value"));
        std::ranges::replace(text, ',', ' ');
        const NameSet set(text);
        for (const std::string_view name : set.names())
            action(name);
    }
    for (const auto& element : node.children("elts"))
        for_each_listed_name(*element, action);
}

}  // namespace

void Checks::check_call(const Node& call) {
    const Node& function_node = *call.child("func");
    const std::string function = function_of(function_node);
    if (const CallRule* rule = function.empty() ? nullptr : policy.find_call(function)) {
        permitted.insert(&function_node);
        apply_call_rule(call, *rule);
    } else if (function == "type") {
        permitted.insert(&function_node);
        check_type_call(call);
    } else if (function == "isinstance" || function == "issubclass") {
        check_type_operands(call);
    }
    if (function == "typing.get_origin" || function == "typing.get_args" ||
        function == "dataclasses.fields") {
        needs_flow = true;
    }
    check_functional_enum(call, function);
    if (function_node.type == kAttribute) check_method_call(call);
}

void Checks::apply_call_rule(const Node& call, const CallRule& rule) {
    const auto& arguments = call.children("args");
    const auto refuse_plain = [&](std::string message) {
        refuse(call, Rule::kCallNotPlain, std::move(message));
    };
    switch (rule.kind) {
        case CallRule::Kind::kName:
            return check_names(call, rule, rule.index, rule.index + 1);
        case CallRule::Kind::kNames:
            return check_names(call, rule, 0, arguments.size());
        case CallRule::Kind::kPlain:
            if (arguments.size() > rule.index || !is_plain(call)) {
                refuse_plain(concat("'", rule.function, "' may be called with ", rule.index,
                                    " positional arguments only"));
            }
            return;
        case CallRule::Kind::kKeywords:
            if (has_double_star(call) || !arguments.empty()) {
                refuse_plain(concat("'", rule.function, "' takes its keywords written out"));
            }
            for (const auto& keyword : call.children("keywords"))
                check_attribute(*keyword, keyword->text("arg"));
            return;
        case CallRule::Kind::kMetaclass:
            return refuse(call, Rule::kMetaclassNotAllowed,
                          concat("'", rule.function, "' may only stand as metaclass="));
        case CallRule::Kind::kIterated:
            if (!permitted.contains(&call)) {
                refuse_plain(concat("of '", rule.function,
                                    "' only items' attributes may be read, in a comprehension"));
            }
            return;
        case CallRule::Kind::kDefault:
            if (!permitted.contains(&call)) {
                refuse_plain(concat("'", rule.function,
                                    "' may only stand as the default of an annotated class "
                                    "attribute"));
            }
            return;
        case CallRule::Kind::kMemoryFile:
            if (arguments.size() <= rule.index || has_star(call) || has_double_star(call) ||
                !is_memory_file(*arguments[rule.index])) {
                refuse(call, Rule::kFileNotAllowed,
                       concat("'", rule.function, "' reads an io.StringIO or io.BytesIO only"));
            }
            return;
        case CallRule::Kind::kBase:
            return check_field_names(call, rule);
        case CallRule::Kind::kOptions:
            return check_options(call, rule);
    }
}

void Checks::check_names(const Node& call, const CallRule& rule, std::size_t first,
                         std::size_t end) {
    const auto& arguments = call.children("args");
    if (arguments.size() < std::max(end, first + 1) || has_star(call) || has_double_star(call)) {
        return refuse_computed(call, rule);
    }
    for (std::size_t i = first; i < end; ++i)
        check_literal_name(call, *arguments[i], rule);
}

void Checks::check_literal_name(const Node& call, const Node& argument, const CallRule& rule) {
    std::vector<const Node*> names = values_of(argument);
    if (names.empty()) names = {&argument};
    for (const Node* name : names) {
        if (string_literal(name) == nullptr) return refuse_computed(call, rule);
        check_dotted(call, name->text("value"));
    }
}

void Checks::refuse_computed(const Node& call, const CallRule& rule) {
    refuse(call, Rule::kAttributeNameNotLiteral,
           concat("'", rule.function, "' needs the attribute's name as a string literal"));
}

/// `set_option("display.width", 80, "display.precision", 3)`: names and values in turn.
void Checks::check_options(const Node& call, const CallRule& rule) {
    const auto& arguments = call.children("args");
    if (arguments.size() <= rule.index || has_star(call) || has_double_star(call)) {
        return refuse_computed(call, rule);
    }
    for (std::size_t i = rule.index; i < arguments.size(); i += 2)
        check_literal_name(call, *arguments[i], rule);
}

/// `TypedDict("Point", {"x": int})`: the keys become names in code that dataclasses make.
void Checks::check_field_names(const Node& call, const CallRule& rule) {
    const auto& arguments = call.children("args");
    const bool has_literal_names =
        arguments.size() == 2 && !has_star(call) && !has_double_star(call) &&
        arguments[1]->type == kDict &&
        arguments[1]->children("keys").size() == arguments[1]->children("values").size() &&
        std::ranges::all_of(arguments[1]->children("keys"), [](const auto& key) {
            return string_literal(key.get()) != nullptr &&
                   std::ranges::all_of(key->text("value"), is_identifier_character);
        });
    if (has_literal_names) return;
    refuse(call, Rule::kCallNotPlain,
           concat("'", rule.function, "' needs its fields as a dictionary of literal names"),
           concat("write a class statement: class Point(", rule.function, ")"));
}

void Checks::check_type_call(const Node& call) {
    needs_flow = true;
    const auto& arguments = call.children("args");
    if (arguments.size() != 1 || !is_plain(call)) {
        return refuse(call, Rule::kTypeNotCalled,
                      "'type' may only be called with one argument: type(x)");
    }
    if (is_class_like(*arguments.front())) {
        refuse(call, Rule::kTypeNotCalled, "the type of a class may not be asked for");
    }
}

/// isinstance(x, type) and isinstance(x, self.__class__) only compare.
void Checks::check_type_operands(const Node& call) {
    const auto& arguments = call.children("args");
    if (arguments.size() != 2) return;
    const auto permit = [&](const Node& node) {
        if (node.type == kName && node.text("id") == "type") permitted.insert(&node);
        if (node.type == kAttribute && node.text("attr") == "__class__") permitted.insert(&node);
    };
    permit(*arguments[1]);
    for (const auto& element : arguments[1]->children("elts"))
        permit(*element);
}

/// Enum("Color", names) makes a class of whatever names it is given.
void Checks::check_functional_enum(const Node& call, const std::string& function) {
    const auto& arguments = call.children("args");
    if (arguments.size() < 2) return;
    bool is_enum = function.starts_with("enum.");
    for (const Node* value : values_of(*call.child("func"))) {
        if (value->type != kClassDef) continue;
        for (const auto& base : value->children("bases"))
            is_enum = is_enum || function_of(*base).starts_with("enum.");
    }
    if (!is_enum) return;
    const Node& names = *arguments[1];
    if (!is_literal_list(names) || has_star(call)) {
        return refuse(call, Rule::kCallNotPlain,
                      "an enumeration made by a call needs its names as literals",
                      "write a class statement");
    }
    for_each_listed_name(names, [&](std::string_view name) {
        check_definition(call, name);
        check_attribute(call, name);
    });
}

// ── methods that take names or files ──

void Checks::check_method_call(const Node& call) {
    const Node& function = *call.child("func");
    const std::string_view name = function.text("attr");
    const std::size_t before = findings.size();
    for (const ModuleRule* module : imported_) {
        if (module->file_methods.contains(name)) {
            check_file_method(call, name);
            permitted.insert(&function);
        }
        if (module->name_methods.contains(name)) {
            needs_flow = true;
            for (const auto& argument : call.children("args"))
                check_name_method(*argument);
            for (const auto& keyword : call.children("keywords"))
                check_name_method(*keyword->child("value"));
        }
    }
    // A method of the program's own may be called in any way.
    if (findings.size() != before && facts.attributes.contains(name) && is_trusted(function)) {
        findings.forget_since(before);
    }
}

void Checks::check_file_method(const Node& call, std::string_view name) {
    static const NameSet file_keywords("path_or_buf buf path path_or_buffer fname");
    const auto is_harmless = [&](const Node& node) {
        return (node.type == kConstant && node.field("value")->texts.empty()) ||
               is_memory_file(node);
    };
    const auto& arguments = call.children("args");
    bool is_allowed = !has_star(call) && !has_double_star(call) &&
                      (arguments.empty() || is_harmless(*arguments.front()));
    for (const auto& keyword : call.children("keywords")) {
        if (file_keywords.contains(keyword->text("arg"))) {
            is_allowed = is_allowed && is_harmless(*keyword->child("value"));
        }
    }
    if (is_allowed) return;
    refuse(call, Rule::kFileNotAllowed, concat("'", name, "' may not write to a file"));
}

/// What of an argument may end as a method's name.
void Checks::check_name_method(const Node& node) {
    if (string_literal(&node) != nullptr) return check_attribute(node, node.text("value"));
    if (is_made_text(node)) {
        return refuse(node, Rule::kAttributeNameNotLiteral,
                      "a method's name must be a string literal here");
    }
    if (node.type == kDict) {
        for (const auto& value : node.children("values"))
            check_name_method(*value);
        return;
    }
    if (node.type == kName) {
        for (const Node* value : values_of(node)) {
            if (value->type != kName) check_name_method(*value);
        }
        return;
    }
    if (node.type != kList && node.type != kTuple && node.type != kIfExp && node.type != kSet &&
        node.type != kListComp && node.type != kDictComp && node.type != kStarred) {
        return;
    }
    for (const Field& field : node.fields) {
        for (const auto& child : field.nodes) {
            if (field.name != "test" && field.name != "key" && field.name != "generators") {
                check_name_method(*child);
            }
        }
    }
}

// ── patterns ──

void Checks::check_class_pattern(const Node& pattern) {
    for (const std::string& name : pattern.field("kwd_attrs")->texts)
        check_attribute(pattern, name);
    if (pattern.children("patterns").empty()) return;
    if (has_known_base(*pattern.child("cls"), 0)) return;
    refuse(pattern, Rule::kPositionalPattern,
           "which attributes this pattern reads by position cannot be seen");
}

/// A class whose __match_args__ can only be what the program shows.
bool Checks::has_known_positions(const Node& class_node, int depth) const {
    return depth < kMaxBases &&
           std::ranges::all_of(
               class_node.children("bases"),
               [&](const auto& base) { return has_known_base(*base, depth + 1); });
}

bool Checks::has_known_base(const Node& base, int depth) const {
    if (depth >= kMaxBases) return false;
    if (base.type == kSubscript) return has_known_base(*base.child("value"), depth + 1);
    if (base.type == kCall) {
        const std::string function = function_of(*base.child("func"));
        const auto& arguments = base.children("args");
        if (function != "collections.namedtuple" || arguments.size() < 2) return false;
        bool is_harmless = is_literal_list(*arguments[1]);
        for_each_listed_name(*arguments[1], [&](std::string_view name) {
            is_harmless = is_harmless && !policy.refused_attributes.contains(name);
        });
        return is_harmless;
    }
    if (base.type == kAttribute) return !module_of(*base.child("value")).empty();
    if (base.type != kName) return false;
    const Meaning found = meaning(base);
    if (found.binding == nullptr) return found.kind == Meaning::Kind::kGlobal;
    if (!found.binding->member.empty()) return found.binding->values.empty();
    const auto values = values_of(base);
    return !values.empty() && std::ranges::all_of(values, [&](const Node* value) {
        return value->type == kClassDef ? has_known_positions(*value, depth + 1)
                                        : value->type == kCall && has_known_base(*value, depth + 1);
    });
}

}  // namespace vitrine::python
