#include "python/flow.h"

#include <algorithm>

namespace vitrine::python {

using enum NodeType;

namespace {

/// The built-in classes that a program may name, but for exceptions.
bool is_builtin_class(std::string_view name) {
    static const NameSet classes(
        "bool bytearray bytes classmethod complex dict enumerate filter float frozenset int list "
        "map object property range reversed set slice staticmethod str super tuple zip "
        "BaseException Exception StopIteration KeyboardInterrupt SystemExit GeneratorExit "
        "StopAsyncIteration");
    return classes.contains(name) || name.ends_with("Error") || name.ends_with("Warning");
}

/// Attributes of libraries' objects that are classes, or hold some.
bool gives_class(std::string_view name) {
    static const NameSet attributes(
        "type types traps flags category default_factory func registry");
    return attributes.contains(name);
}

/// Attributes of which a class can only give text.
bool is_text_of_class(std::string_view name) {
    return name == "__name__" || name == "__qualname__" || name == "__doc__" ||
           name == "__module__";
}

/// Whether a refused name stands in a text.
bool holds_refused_name(const Checks& checks, std::string_view text) {
    const bool is_asked_for = std::ranges::any_of(
        checks.imported(), [](const ModuleRule* module) { return !module->name_methods.empty(); });
    if (!is_asked_for) return false;
    for (std::size_t at = 0; at < text.size();) {
        std::size_t end = at;
        while (end < text.size() && is_identifier_character(text[end]))
            ++end;
        const std::string_view word = text.substr(at, end - at);
        at = end + 1;
        if (word.empty()) continue;
        if (checks.policy.refused_attributes.contains(word)) return true;
        for (const ModuleRule* module : checks.imported()) {
            if (module->refused_attributes.contains(word)) return true;
        }
    }
    return false;
}

}  // namespace

Flow::Flow(Checks& checks, const Node& module)
    : checks_(checks), module_(module), trusted_(checks.trusted.begin(), checks.trusted.end()) {
    gather(module, nullptr);
}

void Flow::run() {
    constexpr int kMaxRounds = 24;
    int rounds = 0;
    do {
        is_changed_ = false;
        in_scope(module_, [&] { visit_all(module_, "body"); });
    } while (is_changed_ && ++rounds < kMaxRounds);
    is_hopeless_ = is_changed_;
    is_judging_ = true;
    in_scope(module_, [&] { visit_all(module_, "body"); });
}

Kinds Flow::visit_children(const Node& node) {
    Kinds kinds = 0;
    for (const Field& field : node.fields) {
        for (const auto& child : field.nodes)
            kinds |= visit(*child);
    }
    return kinds;
}

Kinds Flow::visit_all(const Node& node, std::string_view field) {
    Kinds kinds = 0;
    for (const auto& child : node.children(field))
        kinds |= visit(*child);
    return kinds;
}

Kinds Flow::visit_constant(const Node& node) {
    if (string_literal(&node) == nullptr) return 0;
    const auto [constant, is_new] = constants_.try_emplace(&node, kMayBeText);
    if (is_new && holds_refused_name(checks_, node.text("value"))) {
        constant->second |= kMayNameAnything;
    }
    return constant->second;
}

Kinds Flow::visit_name(const Node& node) {
    const std::string_view name = node.text("id");
    const Meaning found = meaning(node);
    if (found.binding == nullptr) {
        if (name == "type") return kClasses;
        return is_builtin_class(name) ? kMayBeClass : 0;
    }
    if (!found.binding->module.empty()) return 0;
    Kinds kinds = variable(name);
    if (!found.binding->member.empty()) {
        const bool is_type = found.binding->member == "typing.Type";
        kinds |= kMayBeClass | (is_type ? kMayBeMetaclass : 0);
        kinds |= kinds_of_module(found.binding->member);
    }
    if (name == "type" && found.kind == Meaning::Kind::kGlobal) kinds |= kClasses;
    for (const Node* value : found.binding->values) {
        if (value->type == kClassDef) {
            kinds |= kMayBeClass | kinds_of_class(*value);
            escape_class(*value);
        }
        if (is_function(value->type) && !aliases_.contains(&node))
            escape(value->text("name"), functions_[value].owner != nullptr);
    }
    return kinds;
}

Kinds Flow::visit_attribute(const Node& node) {
    const std::string_view name = node.text("attr");
    if (const std::string full = checks_.function_of(node); !full.empty()) {
        if (full == "typing.Type") return kClasses;
        if (full.starts_with("sys.std")) return kMayBeStream;
        return kMayBeClass | kinds_of_module(full);
    }
    const Node& value = *node.child("value");
    Kinds base = visit(value);
    judge_attribute(node, base);
    if (is_text_of_class(name)) return kMayBeText;
    if (name == "__class__") return type_of(base);
    escape(name, (base & kMayBeClass) != 0);
    if (name == "fget" || name == "func") open_properties();
    // Of a class that the program shows, an attribute is what it shows.
    if (class_shows(value, name)) base &= ~kMayBeClass;
    if (gives_class(name)) base |= kMayBeClass;
    return base | attributes_[name] | results_of(name) |
           (by_name_.contains("__get__") ? results_of("__get__") : 0);
}

Kinds Flow::visit_subscript(const Node& node) {
    const Node& value = *node.child("value");
    const Node& slice = *node.child("slice");
    const std::string generic = checks_.function_of(value);
    if (generic.starts_with("typing.") || is_builtin_class(generic) || generic == "type") {
        const Kinds kinds = visit(value) | visit(slice);
        judge_type_text(node);
        return (kinds & kClasses) | kMayBeClass;
    }
    const Kinds base = visit(value);
    const Kinds index = visit(slice);
    join(to_operators_, index & kClasses);
    const bool is_made = slice.type == kSlice && (base & kMayBeText) != 0;
    return base | results_of("__getitem__") | results_of("__missing__") |
           (is_made ? kMayNameAnything : 0);
}

/// Operators hand their operands to methods, and give back what those give.
Kinds Flow::visit_operator(const Node& node) {
    const Kinds operands = visit_children(node);
    if (node.type == kCompare) {
        const bool is_identity = std::ranges::all_of(node.children("ops"), [](const auto& op) {
            return op->type == kIs || op->type == kIsNot;
        });
        if (is_identity) return 0;
        join(to_comparisons_, operands & kClasses);
        return results_of_operator(kEq);
    }
    join(to_operators_, operands & kClasses);
    const bool is_made = node.type == kBinOp && (operands & kMayBeText) != 0;
    return operands | results_of_operator(node.child("op")->type) |
           (is_made ? kMayNameAnything : 0);
}

Kinds Flow::visit_comprehension(const Node& node) {
    const auto& generators = node.children("generators");
    const Kinds first = visit_all(*generators.front(), "iter");
    Kinds kinds = 0;
    in_scope(node, [&] {
        for (const auto& generator : generators) {
            const Kinds items =
                generator == generators.front() ? first : visit_all(*generator, "iter");
            assign(*generator->child("target"),
                   items | results_of("__iter__") | results_of("__next__"));
            visit_all(*generator, "ifs");
        }
        kinds = (visit_all(node, "key") & ~kMayNameAnything) | visit_all(node, "elt") |
                visit_all(node, "value");
    });
    return kinds;
}

/// What the innermost function around this place returns, or yields.
Kinds Flow::give_back(const Node& node) {
    const Kinds kinds = visit_children(node);
    for (std::size_t i = checks_.scopes.size(); i-- > 0;) {
        const auto function = functions_.find(checks_.scopes[i].owner);
        if (function == functions_.end()) continue;
        join(results_[function->first], kinds);
        break;
    }
    return kinds;
}

Kinds Flow::visit(const Node& node) {
    switch (node.type) {
        case kConstant:
            return visit_constant(node);
        case kJoinedStr:
            visit_children(node);
            return kMayBeText | kMayNameAnything;
        case kName:
            return visit_name(node);
        case kAttribute:
            return visit_attribute(node);
        case kSubscript:
            return visit_subscript(node);
        case kBinOp:
        case kCompare:
        case kUnaryOp:
            return visit_operator(node);
        case kCall:
            return visit_call(node);
        case kIfExp:
            visit(*node.child("test"));
            return visit(*node.child("body")) | visit(*node.child("orelse"));
        case kDict:
            // Whose keys name columns, not methods.
            return (visit_all(node, "keys") & ~kMayNameAnything) | visit_all(node, "values");
        case kNamedExpr: {
            const Kinds kinds = visit(*node.child("value"));
            assign(*node.child("target"), kinds);
            return kinds;
        }
        case kListComp:
        case kSetComp:
        case kDictComp:
        case kGeneratorExp:
            return visit_comprehension(node);
        case kLambda:
            visit_function(node);
            return 0;
        case kYield:
        case kYieldFrom:
            return give_back(node) | sent_;
        default:
            return visit_statement(node);
    }
}

void check_flow(Checks& checks, const Node& module) {
    Flow(checks, module).run();
}

}  // namespace vitrine::python
