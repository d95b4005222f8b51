#include "python/flow.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace vitrine::python {

using enum NodeType;

namespace {

/// Classes derive from classes, methods are looked up along them: never deeper than this.
constexpr int kMaxBases = 20;
/// Kinds that stay with a value when Python hands it to a method of the program's on its own.
constexpr Kinds kClasses = kMayBeClass | kMayBeMetaclass;

bool is_function(NodeType type) {
    return type == kFunctionDef || type == kAsyncFunctionDef;
}

/// The built-in classes that a program may name, but for exceptions.
bool is_builtin_class(std::string_view name) {
    static const NameSet classes(
        "bool bytearray bytes classmethod complex dict enumerate filter float frozenset int list "
        "map object property range reversed set slice staticmethod str super tuple zip "
        "BaseException Exception StopIteration KeyboardInterrupt SystemExit GeneratorExit "
        "StopAsyncIteration");
    return classes.contains(name) || name.ends_with("Error") || name.ends_with("Warning");
}

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

/// Attributes of libraries' objects that are classes, or hold some.
bool gives_class(std::string_view name) {
    static const NameSet attributes(
        "type types traps flags category default_factory func registry");
    return attributes.contains(name);
}

/// Methods that Python gives a class.
bool gets_class(std::string_view method) {
    return method == "__get__" || method == "__set_name__" || method == "__exit__" ||
           method == "__aexit__";
}

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

bool compares(std::string_view method) {
    static const NameSet methods("__eq__ __ne__ __lt__ __le__ __gt__ __ge__ __contains__");
    return methods.contains(method);
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

// ── what is known ──

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

template <typename Action>
void Flow::in_scope(const Node& owner, Action&& action) {
    auto found = scopes_.find(&owner);
    if (found == scopes_.end()) found = scopes_.emplace(&owner, scope_of(owner, checks_)).first;
    checks_.scopes.push_back(std::move(found->second));
    std::forward<Action>(action)();
    found->second = std::move(checks_.scopes.back());
    checks_.scopes.pop_back();
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

// ── expressions ──

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

Kinds Flow::visit_match(const Node& node) {
    const Kinds subject = visit(*node.child("subject"));
    for (const auto& match : node.children("cases")) {
        visit_pattern(*match->child("pattern"), subject);
        visit_all(*match, "guard");
        visit_all(*match, "body");
    }
    return 0;
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

// ── statements ──

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
        case kFunctionDef:
        case kAsyncFunctionDef:
            visit_function(node);
            return 0;
        case kClassDef:
            visit_class(node);
            return 0;
        case kYield:
        case kYieldFrom:
        case kReturn: {
            const Kinds kinds = visit_children(node);
            for (std::size_t i = checks_.scopes.size(); i-- > 0;) {
                const auto function = functions_.find(checks_.scopes[i].owner);
                if (function == functions_.end()) continue;
                join(results_[function->first], kinds);
                break;
            }
            return node.type == kReturn ? 0 : kinds | sent_;
        }
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
            return visit_match(node);
        case kExpr:
            visit_children(node);
            return 0;
        default:
            return visit_children(node);
    }
}

void check_flow(Checks& checks, const Node& module) {
    Flow(checks, module).run();
}

}  // namespace vitrine::python
