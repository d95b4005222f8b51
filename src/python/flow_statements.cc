// Statements: what gets which name, and what a definition makes of its parameters.
#include "python/flow.h"

#include <algorithm>

namespace vitrine::python {

using enum NodeType;

namespace {

/// Decorators that leave a function, or a method, what it is.
bool is_plain_decorator(std::string_view function) {
    static const NameSet plain(
        "property staticmethod classmethod functools.cached_property functools.wraps "
        "functools.lru_cache functools.cache abc.abstractmethod typing.final typing.overload "
        "dataclasses.dataclass functools.total_ordering enum.unique typing.runtime_checkable "
        "contextlib.contextmanager");
    return plain.contains(function);
}

/// Methods that are called where the object, or its class, is.
bool is_called_by_name(std::string_view method) {
    return method == "__init__" || method == "__new__" || method == "__post_init__" ||
           method == "__call__";
}

/// Methods that Python gives a class.
bool gets_class(std::string_view method) {
    return method == "__get__" || method == "__set_name__" || method == "__exit__" ||
           method == "__aexit__";
}

bool compares(std::string_view method) {
    static const NameSet methods("__eq__ __ne__ __lt__ __le__ __gt__ __ge__ __contains__");
    return methods.contains(method);
}

}  // namespace

void Flow::assign(const Node& target, Kinds kinds) {
    switch (target.type) {
        case kName: {
            const Node* owner = owner_of(target.text("id"));
            join(variables_[{owner, target.text("id")}], kinds);
            if (owner->type == kClassDef) join(attributes_[target.text("id")], kinds);
            return;
        }
        case kAttribute:
            visit(*target.child("value"));
            join(attributes_[target.text("attr")], kinds);
            if (by_name_.contains("__set__")) join(to_operators_, kinds & kClasses);
            return;
        case kSubscript:
            join(to_operators_, (kinds | visit(*target.child("slice"))) & kClasses);
            return put_into(*target.child("value"), kinds);
        default:
            for (const char* part : {"elts", "value"}) {
                for (const auto& element : target.children(part))
                    assign(*element, kinds);
            }
    }
}

/// What the expression names holds something of these kinds from now on.
void Flow::put_into(const Node& container, Kinds kinds) {
    visit(container);
    switch (container.type) {
        case kName:
            return join(variable(container.text("id")), kinds);
        case kAttribute:
            return join(attributes_[container.text("attr")], kinds);
        case kSubscript:
            return put_into(*container.child("value"), kinds);
        case kCall:
            if (const Node& callee = *container.child("func"); callee.type == kAttribute) {
                put_into(*callee.child("value"), kinds);
            }
            return;
        default:
            return;
    }
}

void Flow::visit_decorators(const Node& node, Kinds decorated) {
    for (const auto& decorator : node.children("decorator_list")) {
        const Node& named = decorator->type == kCall ? *decorator->child("func") : *decorator;
        const Kinds kinds = visit(*decorator);
        if (is_plain_decorator(checks_.function_of(named))) continue;
        if (is_function(node.type)) {
            Function& function = functions_[&node];
            function.is_plain = false;
            escape(node.text("name"), true);
        }
        Arguments arguments;
        arguments.list.push_back({&node, {}, decorated});
        arguments.all = decorated;
        const Kinds result = decorator->type == kName
                                 ? call_named(*decorator, *decorator, arguments)
                                 : call_unknown(*decorator, kinds, arguments);
        join(variable(node.text("name")), result);
    }
}

void Flow::visit_parameters(const Node& node, const Function& function) {
    const Node& arguments = *node.child("args");
    std::size_t index = 0;
    const bool is_called_by_python = function.owner != nullptr && is_dunder(node.text("name")) &&
                                     !is_called_by_name(node.text("name"));
    for (const char* list : {"posonlyargs", "args", "kwonlyargs", "vararg", "kwarg"}) {
        for (const auto& parameter : arguments.children(list)) {
            Kinds& kinds = variables_[{&node, parameter->text("arg")}];
            const bool is_receiver =
                index++ == 0 && function.owner != nullptr && !function.is_static;
            if (is_receiver) {
                const bool is_class = function.is_class_method || node.text("name") == "__new__" ||
                                      node.text("name") == "_generate_next_value_";
                join(kinds, kinds_of_class(*function.owner) | (is_class ? kMayBeClass : 0));
            }
            if (!is_receiver && gets_class(node.text("name"))) join(kinds, kMayBeClass);
            if (function.is_escaped && (!is_receiver || function.is_receiver_open)) {
                join(kinds, to_escaped_);
            }
            if (is_called_by_python && !is_receiver) {
                join(kinds, compares(node.text("name")) ? to_comparisons_ : to_operators_);
            }
        }
    }
}

/// Defaults are those of the last parameters.
void Flow::visit_defaults(const Node& node) {
    const Node& arguments = *node.child("args");
    std::vector<const Node*> parameters;
    for (const char* list : {"posonlyargs", "args"}) {
        for (const auto& parameter : arguments.children(list))
            parameters.push_back(parameter.get());
    }
    const auto& defaults = arguments.children("defaults");
    std::size_t at = parameters.size() - std::min(parameters.size(), defaults.size());
    for (const auto& value : defaults)
        join(variables_[{&node, parameters.at(at++)->text("arg")}], visit(*value));
    const Kinds named = visit_all(arguments, "kw_defaults");
    for (const auto& parameter : arguments.children("kwonlyargs"))
        join(variables_[{&node, parameter->text("arg")}], named);
}

void Flow::visit_function(const Node& node) {
    const Node& arguments = *node.child("args");
    visit_defaults(node);
    for (const char* list : {"posonlyargs", "args", "kwonlyargs", "vararg", "kwarg"}) {
        for (const auto& parameter : arguments.children(list))
            join(annotated_, visit_all(*parameter, "annotation"));
    }
    join(annotated_, visit_all(node, "returns"));
    if (node.type != kLambda) visit_decorators(node, 0);
    Kinds result = 0;
    in_scope(node, [&] {
        visit_parameters(node, functions_[&node]);
        result = visit_all(node, "body");
    });
    if (node.type == kLambda) join(results_[&node], result);
    if (functions_[&node].is_escaped) join(from_escaped_, results_[&node]);
}

void Flow::visit_class(const Node& node) {
    for (const auto& base : node.children("bases"))
        judge_base(*base, visit(*base));
    visit_all(node, "keywords");
    if (escaped_classes_.contains(&node)) {
        for (const auto& statement : node.children("body")) {
            if (statement->type != kAnnAssign) continue;
            join(attributes_[statement->child("target")->text("id")], to_escaped_);
        }
    }
    in_scope(node, [&] { visit_all(node, "body"); });
    visit_decorators(node, kMayBeClass | kinds_of_class(node));
}

void Flow::visit_match(const Node& node) {
    const Kinds subject = visit(*node.child("subject"));
    for (const auto& match : node.children("cases")) {
        visit_pattern(*match->child("pattern"), subject);
        visit_all(*match, "guard");
        visit_all(*match, "body");
    }
}

void Flow::visit_pattern(const Node& pattern, Kinds subject) {
    if (pattern.type == kMatchValue) join(to_comparisons_, subject & kClasses);
    if (pattern.type == kMatchClass) {
        for (const auto& [name, kinds] : attributes_)
            subject |= kinds;
    }
    for (const char* capture : {"name", "rest"}) {
        if (const std::string_view name = pattern.text(capture); !name.empty()) {
            join(variable(name), subject);
        }
    }
    for (const char* part : {"pattern", "patterns", "kwd_patterns"}) {
        for (const auto& child : pattern.children(part))
            visit_pattern(*child, subject);
    }
    for (const char* part : {"value", "cls", "keys"})
        visit_all(pattern, part);
}

/// Or what else has no kinds of its own: those of all that is in it.
Kinds Flow::visit_statement(const Node& node) {
    switch (node.type) {
        case kFunctionDef:
        case kAsyncFunctionDef:
            visit_function(node);
            return 0;
        case kClassDef:
            visit_class(node);
            return 0;
        case kReturn:
            give_back(node);
            return 0;
        case kAssign: {
            const Kinds kinds = visit(*node.child("value"));
            for (const auto& target : node.children("targets"))
                assign(*target, kinds);
            return 0;
        }
        case kAugAssign: {
            const Kinds kinds = visit(*node.child("value"));
            join(to_operators_, kinds & kClasses);
            const bool is_made = (kinds & kMayBeText) != 0;
            assign(*node.child("target"), kinds | results_of_operator(node.child("op")->type) |
                                              (is_made ? kMayNameAnything : 0));
            return 0;
        }
        case kAnnAssign: {
            join(annotated_, visit(*node.child("annotation")));
            if (const Node* value = node.child("value")) {
                assign(*node.child("target"), visit(*value));
            }
            return 0;
        }
        case kFor:
        case kAsyncFor: {
            const Kinds items = visit(*node.child("iter"));
            assign(*node.child("target"), items | results_of("__iter__") | results_of("__next__") |
                                              results_of("__anext__"));
            visit_all(node, "body");
            visit_all(node, "orelse");
            return 0;
        }
        case kwithitem: {
            const Kinds kinds = visit(*node.child("context_expr"));
            if (const Node* target = node.child("optional_vars")) {
                assign(*target, kinds | results_of("__enter__") | results_of("__aenter__"));
            }
            return 0;
        }
        case kRaise:
            join(raised_, visit_children(node));
            return 0;
        case kExceptHandler:
            // `{}[int]` raises a KeyError that holds the key.
            if (!node.text("name").empty()) {
                join(variable(node.text("name")),
                     raised_ | ((to_operators_ | to_escaped_) & kClasses));
            }
            visit_children(node);
            return 0;
        case kMatch:
            visit_match(node);
            return 0;
        case kExpr:
            visit_children(node);
            return 0;
        default:
            return visit_children(node);
    }
}

}  // namespace vitrine::python
