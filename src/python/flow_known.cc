// What is known of names, classes and functions wherever the walk is.
#include "python/flow.h"

#include <algorithm>

namespace vitrine::python {

using enum NodeType;

namespace {

/// The methods behind an operator.
std::vector<std::string_view> methods_of(NodeType op) {
    switch (op) {
        case kAdd:
            return {"__add__", "__radd__", "__iadd__"};
        case kSub:
            return {"__sub__", "__rsub__", "__isub__"};
        case kMult:
            return {"__mul__", "__rmul__", "__imul__"};
        case kMatMult:
            return {"__matmul__", "__rmatmul__", "__imatmul__"};
        case kDiv:
            return {"__truediv__", "__rtruediv__", "__itruediv__"};
        case kFloorDiv:
            return {"__floordiv__", "__rfloordiv__", "__ifloordiv__"};
        case kMod:
            return {"__mod__", "__rmod__", "__imod__"};
        case kPow:
            return {"__pow__", "__rpow__", "__ipow__"};
        case kLShift:
            return {"__lshift__", "__rlshift__", "__ilshift__"};
        case kRShift:
            return {"__rshift__", "__rrshift__", "__irshift__"};
        case kBitOr:
            return {"__or__", "__ror__", "__ior__"};
        case kBitXor:
            return {"__xor__", "__rxor__", "__ixor__"};
        case kBitAnd:
            return {"__and__", "__rand__", "__iand__"};
        case kInvert:
            return {"__invert__"};
        case kUSub:
            return {"__neg__"};
        case kUAdd:
            return {"__pos__"};
        default:
            return {"__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__"};
    }
}

}  // namespace

void Flow::gather(const Node& node, const Node* owner) {
    if (is_function(node.type) || node.type == kLambda) gather_function(node, owner);
    const Node* inner = node.type == kClassDef                           ? &node
                        : is_function(node.type) || node.type == kLambda ? nullptr
                                                                         : owner;
    for (const Field& field : node.fields) {
        for (const auto& child : field.nodes)
            gather(*child, inner);
    }
    if (node.type == kAssign && owner != nullptr) gather_alias(node, *owner);
}

/// `__rmul__ = __mul__` gives a method a second name, and nobody else the method.
void Flow::gather_alias(const Node& assignment, const Node& owner) {
    const Node& value = *assignment.child("value");
    const auto named = by_name_.find(value.text("id"));
    if (value.type != kName || named == by_name_.end()) return;
    const Node* method = nullptr;
    for (const Node* function : named->second) {
        if (functions_[function].owner == &owner) method = function;
    }
    const auto& targets = assignment.children("targets");
    const bool are_names =
        std::ranges::all_of(targets, [](const auto& target) { return target->type == kName; });
    if (method == nullptr || !are_names) return;
    for (const auto& target : targets)
        by_name_[target->text("id")].push_back(method);
    aliases_.insert(&value);
}

void Flow::gather_function(const Node& node, const Node* owner) {
    Function& function = functions_[&node];
    function.node = &node;
    function.owner = node.type == kLambda ? nullptr : owner;
    // A lambda in a class body may become a method.
    function.is_escaped = node.type == kLambda;
    function.is_receiver_open = node.type == kLambda;
    for (const auto& decorator : node.children("decorator_list")) {
        const Node& named = decorator->type == kCall ? *decorator->child("func") : *decorator;
        const std::string name = named.type == kName ? std::string(named.text("id")) : "";
        function.is_static = function.is_static || name == "staticmethod";
        function.is_class_method = function.is_class_method || name == "classmethod";
        const std::string_view last = named.type == kName ? named.text("id") : named.text("attr");
        function.is_property =
            function.is_property || last.ends_with("property") || last == "setter";
    }
    if (node.type != kLambda) by_name_[node.text("name")].push_back(&node);
}

void Flow::join(Kinds& place, Kinds more) {
    if ((more & ~place) == 0) return;
    place |= more;
    is_changed_ = true;
}

/// The scope a name is bound in: the module's where none is found.
const Node* Flow::owner_of(std::string_view name) const {
    const auto& scopes = checks_.scopes;
    for (std::size_t i = scopes.size(); i-- > 1;) {
        const Scope& scope = scopes[i];
        if (scope.kind == Scope::Kind::kClass && i + 1 != scopes.size()) continue;
        if (scope.globals.contains(name)) break;
        if (scope.names.contains(name)) return scope.owner;
    }
    return &module_;
}

Meaning Flow::meaning(const Node& name) const {
    const Meaning found = checks_.meaning(name);
    const Scope& scope = checks_.scopes.back();
    if (scope.kind != Scope::Kind::kClass) return found;
    const auto own = scope.names.find(name.text("id"));
    if (own == scope.names.end()) return found;
    return {found.kind, &own->second};
}

std::vector<const Node*> Flow::values_of(const Node& name) const {
    if (name.type != kName) return {};
    const Binding* binding = meaning(name).binding;
    return binding == nullptr ? std::vector<const Node*>() : binding->values;
}

/// The innermost method around this place.
const Flow::Function* Flow::current_method() const {
    for (std::size_t i = checks_.scopes.size(); i-- > 0;) {
        const auto found = functions_.find(checks_.scopes[i].owner);
        if (found != functions_.end() && found->second.owner != nullptr) return &found->second;
    }
    return nullptr;
}

std::string_view first_parameter(const Node& function) {
    const Node& arguments = *function.child("args");
    for (const char* list : {"posonlyargs", "args"}) {
        const auto& parameters = arguments.children(list);
        if (!parameters.empty()) return parameters.front()->text("arg");
    }
    return {};
}

/// The class whose method has `name` for its receiver here; null when it is no receiver.
const Node* Flow::method_class(const Node& name) const {
    if (name.type != kName) return nullptr;
    const auto found = functions_.find(owner_of(name.text("id")));
    if (found == functions_.end() || found->second.owner == nullptr) return nullptr;
    const Function& function = found->second;
    const bool is_receiver =
        !function.is_static && first_parameter(*function.node) == name.text("id");
    return is_receiver ? function.owner : nullptr;
}

/// `value` is a class of the program's own that has the attribute in its body: by the class's name,
/// or as the receiver of a class method.
bool Flow::class_shows(const Node& value, std::string_view attribute) const {
    if (value.type != kName) return false;
    if (const Node* owner = method_class(value)) {
        return functions_.at(owner_of(value.text("id"))).is_class_method &&
               defines(*owner, attribute);
    }
    const Binding* binding = meaning(value).binding;
    return binding != nullptr && !binding->has_unknown && !binding->values.empty() &&
           std::ranges::all_of(binding->values, [&](const Node* shown) {
               return shown->type == kClassDef && defines(*shown, attribute);
           });
}

/// `numpy.random.default_rng`: what comes of it.
Kinds Flow::kinds_of_module(std::string_view full) const {
    const std::string_view top = full.substr(0, full.find('.'));
    if (top == "sys" || top == "io") return kMayBeStream;
    const ModuleRule* rule = checks_.policy.find_module(top);
    if (rule == nullptr || (rule->refused_attributes.empty() && rule->file_methods.empty())) {
        return 0;
    }
    return kMayBeLibrarys;
}

/// What an object of a class of the program's own has of the libraries it derives from.
Kinds Flow::kinds_of_class(const Node& node, int depth) {
    if (depth > kMaxBases) return kMayBeLibrarys | kMayBeStream;
    Kinds kinds = 0;
    for (const auto& base : node.children("bases")) {
        const Node& plain = base->type == kSubscript ? *base->child("value") : *base;
        const auto values = checks_.values_of(plain);
        for (const Node* value : values) {
            if (value->type == kClassDef) kinds |= kinds_of_class(*value, depth + 1);
        }
        const std::string function = checks_.function_of(plain);
        if (function.find('.') != std::string::npos) {
            kinds |= kinds_of_module(function);
        } else if (function.empty() && values.empty()) {
            kinds |= visit(plain) & (kMayBeLibrarys | kMayBeStream);
        }
    }
    return kinds;
}

/// A class of the program's own, or one it derives from, has the attribute in its body.
bool Flow::defines(const Node& class_node, std::string_view name, int depth) const {
    if (depth > kMaxBases) return false;
    const auto binds = [&](const Node& target) {
        return target.type == kName && target.text("id") == name;
    };
    for (const auto& statement : class_node.children("body")) {
        if (statement->text("name") == name) return true;
        if (const Node* target = statement->child("target"); target != nullptr && binds(*target))
            return true;
        for (const auto& target : statement->children("targets")) {
            if (binds(*target)) return true;
        }
    }
    return std::ranges::any_of(class_node.children("bases"), [&](const auto& base) {
        const auto values = checks_.values_of(*base);
        return std::ranges::any_of(values, [&](const Node* value) {
            return value->type == kClassDef && defines(*value, name, depth + 1);
        });
    });
}

/// What functions of that name give back, whatever they belong to.
Kinds Flow::results_of(std::string_view method) const {
    Kinds kinds = 0;
    const auto found = by_name_.find(method);
    if (found == by_name_.end()) return 0;
    for (const Node* function : found->second) {
        const auto result = results_.find(function);
        if (result != results_.end()) kinds |= result->second;
    }
    return kinds;
}

Kinds Flow::results_of_operator(NodeType op) const {
    Kinds kinds = 0;
    for (const std::string_view method : methods_of(op))
        kinds |= results_of(method);
    return kinds;
}

void Flow::escape(std::string_view name, bool is_receiver_open) {
    const auto found = by_name_.find(name);
    if (found == by_name_.end()) return;
    for (const Node* node : found->second) {
        Function& function = functions_[node];
        if (function.is_property) continue;  // Who names it gets its result.
        if (!function.is_escaped || (is_receiver_open && !function.is_receiver_open)) {
            is_changed_ = true;
        }
        function.is_escaped = true;
        function.is_receiver_open = function.is_receiver_open || is_receiver_open;
    }
}

/// Whoever has the class may make objects of it.
void Flow::escape_class(const Node& node) {
    escaped_classes_.insert(&node);
    for (const char* name : {"__init__", "__new__"}) {
        const auto found = by_name_.find(name);
        if (found == by_name_.end()) continue;
        for (const Node* method : found->second) {
            Function& function = functions_[method];
            if (function.owner != &node || function.is_escaped) continue;
            function.is_escaped = true;
            is_changed_ = true;
        }
    }
}

/// `Circle.area.fget` is the function behind a property.
void Flow::open_properties() {
    for (auto& [node, function] : functions_) {
        if (!function.is_property || function.is_receiver_open) continue;
        function.is_escaped = function.is_receiver_open = true;
        is_changed_ = true;
    }
}

}  // namespace vitrine::python
