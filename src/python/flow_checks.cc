// What may not arrive at a place.
#include <algorithm>

#include "base/error.h"
#include "python/flow.h"

namespace vitrine::python {

using enum NodeType;

namespace {

/// `type` makes a class of three arguments.
constexpr std::size_t kArgumentsOfAClass = 3;

/// Whether the text of a name, in all values it may have, was seen by the walk.
bool has_literals_only(const Checks& checks, const Node& node) {
    const auto values = checks.values_of(node);
    return !values.empty() && std::ranges::all_of(values, [](const Node* value) {
        return string_literal(value) != nullptr;
    });
}

}  // namespace

/// Once for a place, however often it is come by.
void Flow::refuse(const Node& node, Rule rule, std::string message, std::string_view hint) {
    if (judged_.insert(&node).second) checks_.refuse(node, rule, std::move(message), hint);
}

void Flow::judge_call(const Node& call, Kinds callee, const Arguments& arguments) {
    if (!is_judging_ || (seen(callee) & kMayBeMetaclass) == 0) return;
    if (arguments.list.size() < kArgumentsOfAClass && !arguments.has_star) return;
    refuse(call, Rule::kTypeNotCalled,
           "what is called here may be the type of a class, which makes classes");
}

/// Functions of libraries call what they are given, with what they are given.
void Flow::judge_handed(const Node& call, const Arguments& arguments) {
    static const NameSet keepers(
        "append appendleft add insert extend update get setdefault pop remove discard count index "
        "put push items keys values format isinstance issubclass __contains__ Counter deque "
        "OrderedDict defaultdict chain Set join");
    if (!is_judging_) return;
    const Node* callee = call.child("func");
    if (callee != nullptr) {
        const std::string_view name = callee->text(callee->type == kName ? "id" : "attr");
        if (keepers.contains(name)) return;
    }
    for (const Argument& argument : arguments.list) {
        if ((seen(argument.kinds) & kMayBeMetaclass) == 0) continue;
        refuse(*argument.node, Rule::kTypeNotCalled,
               "this may be the type of a class, and is handed to what might call it");
    }
}

void Flow::judge_attribute(const Node& node, Kinds base) {
    if (!is_judging_) return;
    base = seen(base);
    const std::string_view name = node.text("attr");
    if ((base & kMayBeMetaclass) != 0 &&
        (name == "__new__" || name == "__call__" || name == "__init__")) {
        return refuse(node, Rule::kTypeNotCalled,
                      concat("'", name, "' of what may be the type of a class"));
    }
    if (!trusted_.contains(&node) || name == "__class__") return;
    const Node& receiver = *node.child("value");
    const Node* own = method_class(receiver);
    if (own != nullptr && defines(*own, name)) {
        // The class's libraries come after it: what else gets here as `self`?
        base &= ~kinds_of_class(*own);
    }
    if (name == "format" && (base & kMayBeText) != 0) {
        return refuse(node, Rule::kFormatNotLiteral,
                      "'format' works on a template that is a literal");
    }
    Kinds strangers = 0;
    for (const ModuleRule* module : checks_.imported()) {
        if (!module->refused_attributes.contains(name) && !module->file_methods.contains(name) &&
            !module->name_methods.contains(name)) {
            continue;
        }
        const bool is_stream = module->name == "sys" || module->name == "io";
        strangers |= is_stream ? kMayBeStream : kMayBeLibrarys;
    }
    if ((base & strangers) == 0) return;
    refuse(node, Rule::kAttributeNotAllowed,
           concat("the attribute '", name, "' may not be used on what may be a library's object"));
}

void Flow::judge_base(const Node& base, Kinds kinds) {
    if (!is_judging_) return;
    if ((kinds & kMayBeMetaclass) != 0) {
        return refuse(base, Rule::kMetaclassNotAllowed,
                      "a class may not derive from what may be a metaclass");
    }
    if ((kinds & (kMayBeLibrarys | kMayBeStream)) == 0) return;
    const Node& plain = base.type == kSubscript ? *base.child("value") : base;
    if (!checks_.function_of(plain).empty()) return;
    const auto values = checks_.values_of(plain);
    const bool is_named = !values.empty() && std::ranges::all_of(values, [&](const Node* value) {
        return value->type == kClassDef || !checks_.function_of(*value).empty();
    });
    if (is_named) return;
    refuse(base, Rule::kMetaclassNotAllowed,
           "which library's class this derives from cannot be seen", "name the class");
}

/// `List[x]`: a text in such a place becomes a type, by evaluation.
void Flow::judge_type_text(const Node& subscript) {
    if (!is_judging_) return;
    const std::string generic = checks_.function_of(*subscript.child("value"));
    if (generic == "typing.Literal" || generic == "typing.Annotated") return;
    const auto judge = [&](const Node& element) {
        if (element.type != kName && element.type != kAttribute && element.type != kCall) return;
        if (checks_.function_of(element).empty() && (seen(visit(element)) & kMayBeText) != 0 &&
            !has_literals_only(checks_, element)) {
            refuse(element, Rule::kAnnotationNotAType, "this may be text, not a type");
        }
    };
    const Node& slice = *subscript.child("slice");
    judge(slice);
    for (const auto& element : slice.children("elts"))
        judge(*element);
}

/// Methods that look up a method by its name: agg, apply, transform…
void Flow::judge_names(const Node& call, const Arguments& arguments) {
    if (!is_judging_) return;
    const std::string_view method = call.child("func")->text("attr");
    const bool takes_names = std::ranges::any_of(checks_.imported(), [&](const ModuleRule* module) {
        return module->name_methods.contains(method);
    });
    if (!takes_names) return;
    const bool is_table = method == "pivot_table";
    constexpr std::size_t kNameInATable = 3;
    for (std::size_t i = 0; i < arguments.list.size(); ++i) {
        const Argument& argument = arguments.list[i];
        if ((seen(argument.kinds) & kMayNameAnything) == 0) continue;
        if (argument.keyword.empty()
                ? is_table && i != kNameInATable
                : argument.keyword != "func" && argument.keyword != "aggfunc") {
            continue;
        }
        const NodeType type = argument.node->type;
        if (type == kConstant || type == kDict || type == kDictComp || type == kLambda) continue;
        refuse(*argument.node, Rule::kAttributeNameNotLiteral,
               "a method's name must be a string literal here");
    }
}

}  // namespace vitrine::python
