// Calls: whose parameters get what, and what comes back.
#include <algorithm>

#include "python/flow.h"

namespace vitrine::python {

using enum NodeType;

namespace {

constexpr Kinds kMadeText = kMayBeText | kMayNameAnything;

std::vector<std::string_view> positional_parameters(const Node& function) {
    std::vector<std::string_view> names;
    for (const char* list : {"posonlyargs", "args"}) {
        for (const auto& parameter : function.child("args")->children(list))
            names.push_back(parameter->text("arg"));
    }
    return names;
}

/// Methods of text that give other text.
bool makes_text(std::string_view method) {
    static const NameSet methods(
        "join lower upper replace strip lstrip rstrip removeprefix removesuffix title capitalize "
        "casefold swapcase translate format zfill ljust rjust center expandtabs decode");
    return methods.contains(method);
}

/// Functions whose text, or whose objects' text, is not in the program as it is read: escapes hide
/// it in data, patterns and templates put it together.
bool makes_text_of_data(std::string_view function) {
    return function.starts_with("json.") || function.starts_with("re.") ||
           function.starts_with("string.");
}

/// Methods of streams that give data.
bool gives_data(std::string_view method) {
    static const NameSet methods("read readline readlines read1 write flush getvalue strip split");
    return methods.contains(method);
}

}  // namespace

Flow::Arguments Flow::arguments_of(const Node& call) {
    Arguments arguments;
    for (const auto& argument : call.children("args")) {
        const Kinds kinds = visit(*argument);
        arguments.list.push_back({argument.get(), {}, kinds});
        arguments.all |= kinds;
        arguments.has_star = arguments.has_star || argument->type == kStarred;
    }
    for (const auto& keyword : call.children("keywords")) {
        const Kinds kinds = visit(*keyword->child("value"));
        const std::string_view name = keyword->text("arg");
        arguments.has_star = arguments.has_star || name.empty();
        arguments.list.push_back({keyword->child("value"), name, kinds});
        arguments.all |= kinds;
    }
    return arguments;
}

Kinds Flow::type_of(Kinds kinds) const {
    return kMayBeClass | ((kinds & kMayBeClass) != 0 ? kMayBeMetaclass : 0) |
           (kinds & (kMayBeLibrarys | kMayBeStream));
}

// ── handing over ──

/// Arguments meet the parameters from the one with index `first` on.
void Flow::hand_to(const Node& function, const Arguments& arguments, std::size_t first) {
    if (arguments.has_star) return hand_all_to(function, arguments.all);
    const Node& parameters = *function.child("args");
    const auto names = positional_parameters(function);
    const auto hand = [&](std::string_view name, Kinds kinds) {
        join(variables_[{&function, name}], kinds);
    };
    for (const Argument& argument : arguments.list) {
        if (argument.keyword.empty() && first < names.size()) {
            hand(names[first++], argument.kinds);
            continue;
        }
        const char* rest = argument.keyword.empty() ? "vararg" : "kwarg";
        if (!argument.keyword.empty()) hand(argument.keyword, argument.kinds);
        if (const Node* parameter = parameters.child(rest)) {
            hand(parameter->text("arg"), argument.kinds);
        }
    }
}

void Flow::hand_all_to(const Node& function, Kinds kinds) {
    const Function& known = functions_[&function];
    bool is_receiver = known.owner != nullptr && !known.is_static && !known.is_receiver_open;
    for (const char* list : {"posonlyargs", "args", "kwonlyargs", "vararg", "kwarg"}) {
        for (const auto& parameter : function.child("args")->children(list)) {
            if (!is_receiver) join(variables_[{&function, parameter->text("arg")}], kinds);
            is_receiver = false;
        }
    }
}

/// Functions that stand among the arguments of a library's function may be called with the others.
void Flow::hand_to_callbacks(const Arguments& arguments, Kinds kinds) {
    for (const Argument& argument : arguments.list) {
        const Node& node = *argument.node;
        if (node.type == kLambda) hand_all_to(node, kinds);
        for (const Node* value : values_of(node)) {
            if (functions_.contains(value)) hand_all_to(*value, kinds);
        }
        if (node.type != kAttribute) continue;
        const auto methods = by_name_.find(node.text("attr"));
        if (methods == by_name_.end()) continue;
        for (const Node* method : methods->second)
            hand_all_to(*method, kinds);
    }
}

void Flow::give_to_strangers(Kinds kinds) {
    join(to_escaped_, kinds);
    join(to_operators_, kinds & kClasses);
    join(to_comparisons_, kinds & kClasses);
}

// ── who is called ──

Kinds Flow::visit_call(const Node& node) {
    const Node& callee = *node.child("func");
    const Arguments arguments = arguments_of(node);
    if (callee.type == kName) return call_named(node, callee, arguments);
    if (const std::string full = checks_.function_of(callee); !full.empty()) {
        return call_library(node, full, arguments);
    }
    const bool is_class_of = callee.type == kAttribute && callee.text("attr") == "__class__";
    if (callee.type == kAttribute && !is_class_of) return call_method(node, callee, arguments);
    const Kinds kinds = visit(callee);
    const Node* asked = is_class_of ? callee.child("value") : nullptr;
    if (callee.type == kCall && checks_.function_of(*callee.child("func")) == "type" &&
        callee.children("args").size() == 1) {
        asked = callee.child("args");
    }
    const Node* own = asked == nullptr ? nullptr : method_class(*asked);
    if (own == nullptr || (kinds & kMayBeMetaclass) != 0)
        return call_unknown(node, kinds, arguments);
    return call_own_class(*own, arguments);
}

Kinds Flow::call_named(const Node& call, const Node& name, const Arguments& arguments) {
    const Meaning found = meaning(name);
    const std::string_view text = name.text("id");
    Kinds result = 0;
    if (text == "type" && found.kind == Meaning::Kind::kGlobal) {
        result = type_of(arguments.all);
        if (found.binding == nullptr) return result;
    }
    if (found.binding == nullptr) return call_builtin(call, text, arguments);
    const std::string& member = found.binding->member;
    if (!member.empty()) result |= call_library(call, member, arguments);
    bool is_known = !found.binding->values.empty() && !found.binding->has_unknown &&
                    !checks_.facts.shared.contains(text);
    for (const Node* value : found.binding->values) {
        if (value->type == kClassDef) {
            result |= call_own_class(*value, arguments);
        } else if (functions_.contains(value)) {
            result |= call_own(*value, arguments);
            is_known = is_known && functions_[value].is_plain;
        } else {
            is_known = false;
        }
    }
    if (const Node* own = method_class(name)) {
        judge_call(call, variable(text), arguments);
        return result | call_own_class(*own, arguments);
    }
    const bool is_imported_only = !member.empty() && found.binding->values.empty();
    if (is_known || is_imported_only) return result;
    return result | call_unknown(call, visit(name), arguments);
}

Kinds Flow::call_own(const Node& function, const Arguments& arguments) {
    hand_to(function, arguments, 0);
    return results_[&function];
}

/// An object of the program's own has kinds only of the libraries it derives from.
Kinds Flow::call_own_class(const Node& node, const Arguments& arguments, int depth) {
    if (depth > kMaxBases) return arguments.all;
    bool has_constructor = false;
    Kinds result = depth == 0 ? kinds_of_class(node) : 0;
    for (const auto& statement : node.children("body")) {
        const std::string_view name = statement->text("name");
        if (functions_.contains(statement.get()) && (name == "__init__" || name == "__new__")) {
            hand_to(*statement, arguments, 1);
            has_constructor = true;
        }
        if (functions_.contains(statement.get()) && name == "_missing_") {
            hand_to(*statement, arguments, 1);
        }
        // What makes constructors makes them of annotations.
        if (statement->type == kAnnAssign) {
            join(attributes_[statement->child("target")->text("id")], arguments.all);
        }
    }
    for (const auto& base : node.children("bases")) {
        const Node& plain = base->type == kSubscript ? *base->child("value") : *base;
        const auto values = checks_.values_of(plain);
        for (const Node* value : values) {
            if (value->type == kClassDef && !has_constructor) {
                result |= call_own_class(*value, arguments, depth + 1);
            }
        }
        static const NameSet empty_bases("object abc.ABC typing.Generic typing.Protocol");
        if (values.empty() && !empty_bases.contains(checks_.function_of(plain))) {
            result |= arguments.all;
        }
    }
    return result;
}

Kinds Flow::call_method(const Node& call, const Node& callee, const Arguments& arguments) {
    const std::string_view name = callee.text("attr");
    const Node& value = *callee.child("value");
    const Kinds base = visit(value);
    judge_attribute(callee, base);
    if (name == "send" || name == "asend" || name == "throw" || name == "athrow") {
        join(sent_, arguments.all);
    }
    if (name == "fget" || name == "func") open_properties();
    const auto own = by_name_.find(name);
    Kinds result = 0;
    if (own != by_name_.end()) {
        for (const Node* method : own->second) {
            const Function& function = functions_[method];
            const bool takes_receiver = function.owner != nullptr && !function.is_static;
            hand_to(*method, arguments, takes_receiver ? 1 : 0);
            // Of a class it is called with whatever comes first.
            const bool is_unbound = takes_receiver && !function.is_class_method;
            if (is_unbound && (base & kMayBeClass) != 0) hand_to(*method, arguments, 0);
            result |= results_[method];
            if (function.is_property) result |= call_unknown(call, results_[method], arguments);
            if (!function.is_plain) result |= call_unknown(call, attributes_[name], arguments);
        }
        if (class_shows(value, name)) return result;
        put_into(value, arguments.all & kClasses);
        if (base == 0) return result;
    } else if (checks_.facts.attributes.contains(name)) {
        const Kinds stored = base | attributes_[name] | results_of("__get__");
        result |= call_unknown(call, stored, arguments);
        if (base == 0) return result;
    } else {
        put_into(value, arguments.all);
    }
    judge_names(call, arguments);
    judge_handed(call, arguments);
    hand_to_callbacks(arguments, base | arguments.all);
    give_to_strangers(arguments.all & kClasses);
    result |= base | arguments.all | (from_escaped_ & kClasses);
    if (name == "construct_array_type") result |= kMayBeClass;
    if (name == "decode" || ((base & kMayBeText) != 0 && makes_text(name))) result |= kMadeText;
    if (gives_data(name)) result &= ~kMayBeStream;
    return result;
}

Kinds Flow::call_by_literal(const CallRule& rule, const Arguments& arguments) {
    Kinds result = arguments.all & ~kMadeText;
    for (const Argument& argument : arguments.list) {
        const Node* literal = string_literal(argument.node);
        if (literal == nullptr) continue;
        const std::string_view name = literal->text("value");
        escape(name, true);
        if (rule.function == "setattr") join(attributes_[name], result);
        result |= attributes_[name] | results_of(name);
    }
    return result | ((result & kMayBeClass) != 0 ? kMayGiveClass : 0);
}

Kinds Flow::call_builtin(const Node& call, std::string_view name, const Arguments& arguments) {
    static const NameSet makes_text("str repr ascii chr bin hex oct format");
    static const NameSet plain(
        "int float bool len hash id isinstance issubclass print callable ord complex bytes "
        "bytearray range round abs");
    static const NameSet callers(
        "map filter sorted min max iter property staticmethod classmethod");
    if (makes_text.contains(name)) return kMadeText;
    if (plain.contains(name)) return 0;
    if (name == "super") {
        const Function* method = current_method();
        if (method == nullptr || method->is_static) return 0;
        return variables_[{method->node, first_parameter(*method->node)}];
    }
    if (const CallRule* rule = checks_.policy.find_call(name)) {
        return call_by_literal(*rule, arguments);
    }
    hand_to_callbacks(arguments, arguments.all);
    if (callers.contains(name)) {
        judge_handed(call, arguments);
        give_to_strangers(arguments.all & kClasses);
        return arguments.all | from_escaped_;
    }
    return arguments.all;
}

Kinds Flow::call_library(const Node& call, std::string_view name, const Arguments& arguments) {
    const Kinds all = arguments.all;
    if (const CallRule* rule = checks_.policy.find_call(name);
        rule != nullptr &&
        (rule->kind == CallRule::Kind::kName || rule->kind == CallRule::Kind::kNames)) {
        return call_by_literal(*rule, arguments);
    }
    if (name == "typing.cast") return arguments.list.size() < 2 ? all : arguments.list[1].kinds;
    if (name == "typing.get_origin" || name == "typing.get_args") return all & kClasses;
    if (name.starts_with("typing.")) return all & kMayBeClass;
    Kinds result = all | kinds_of_module(name);
    if (name.starts_with("dataclasses.")) result |= annotated_ | kMayBeClass;
    if (name.starts_with("dataclasses.") || name.starts_with("copy.")) {
        for (const auto& [attribute, kinds] : attributes_)
            result |= kinds & kClasses;
    }
    if (name.starts_with("copy.")) {
        result |= results_of("__copy__") | results_of("__deepcopy__");
    }
    static const NameSet class_givers(
        "numpy.obj2sctype numpy.common_type numpy.maximum_sctype numpy.issubclass_");
    if (class_givers.contains(name)) result |= kMayBeClass;
    if (makes_text_of_data(name)) result |= kMadeText;
    if (name == "collections.namedtuple" || name.starts_with("enum.")) result &= ~kMadeText;
    judge_handed(call, arguments);
    hand_to_callbacks(arguments, all);
    give_to_strangers(all & kClasses);
    if (!arguments.list.empty() && (name.starts_with("heapq.") || name.starts_with("bisect.") ||
                                    name.starts_with("operator."))) {
        put_into(*arguments.list.front().node, all);
    }
    result |= from_escaped_ & kClasses;
    return result | ((result & kMayBeClass) != 0 ? kMayGiveClass : 0);
}

/// Whatever it is that is called: anything that may be called unseen, or an object with __call__.
Kinds Flow::call_unknown(const Node& call, Kinds callee, const Arguments& arguments) {
    judge_call(call, callee, arguments);
    if ((callee & kMayGiveClass) != 0) judge_handed(call, arguments);
    give_to_strangers(arguments.all);
    if (const auto called = by_name_.find("__call__"); called != by_name_.end()) {
        for (const Node* method : called->second)
            hand_to(*method, arguments, 1);
    }
    Kinds result = arguments.all | from_escaped_ | results_of("__call__") | (callee & ~kClasses);
    if ((callee & kMayGiveClass) != 0) result |= kMayBeClass;
    const bool is_type = (callee & kMayBeMetaclass) != 0;
    if (is_type && ((arguments.all | callee) & (kMayBeClass | kMayGiveClass)) != 0)
        result |= kClasses;
    return result;
}

}  // namespace vitrine::python
