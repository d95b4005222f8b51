#include "python/checks.h"

#include <algorithm>
#include <cctype>

#include "base/error.h"

namespace vitrine::python {

namespace {

using enum NodeType;

/// The attribute names in the replacement fields of a format string: whatever follows a dot. Where
/// a field begins and ends is not worked out: `{0[}].x}` shows how easily that goes wrong.
std::vector<std::string_view> attributes_in_format(std::string_view text) {
    std::vector<std::string_view> names;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '.') continue;
        std::size_t end = i + 1;
        while (end < text.size() && is_identifier_character(text[end]))
            ++end;
        names.push_back(text.substr(i + 1, end - i - 1));
    }
    return names;
}

bool is_private(std::string_view name) {
    return name.starts_with('_') && name != "_" && !is_dunder(name);
}

}  // namespace

const Node* string_literal(const Node* node) {
    const bool is_string =
        node != nullptr && node->type == kConstant && !node->field("value")->texts.empty();
    return is_string ? node : nullptr;
}

Checks::Checks(const Policy& policy_used, std::string_view source, const Node& module)
    : policy(policy_used), facts(facts_of(module)), findings(source) {
    for (const std::string_view name : facts.imported) {
        if (const ModuleRule* rule = policy.find_module(name)) imported_.push_back(rule);
    }
}

// ── what something is ──

std::string Checks::module_of(const Node& node) const {
    if (node.type == kName && node.child("ctx")->type != kDel) {
        const Meaning found = meaning(node);
        return found.kind == Meaning::Kind::kModule ? found.binding->module : std::string();
    }
    if (node.type != kAttribute) return {};
    const std::string base = module_of(*node.child("value"));
    if (base.empty()) return {};
    std::string full = concat(base, ".", node.text("attr"));
    return is_module(full) ? full : std::string();
}

std::string Checks::function_of(const Node& node) const {
    if (node.type == kName) {
        const Meaning found = meaning(node);
        if (found.binding != nullptr && !found.binding->member.empty()) {
            return found.binding->member;
        }
        return found.kind == Meaning::Kind::kGlobal ? std::string(node.text("id")) : std::string();
    }
    if (node.type != kAttribute) return {};
    const std::string module = module_of(*node.child("value"));
    return module.empty() ? std::string() : concat(module, ".", node.text("attr"));
}

std::vector<const Node*> Checks::values_of(const Node& name) const {
    if (name.type != kName || facts.shared.contains(name.text("id"))) return {};
    const Meaning found = meaning(name);
    if (found.binding == nullptr || found.binding->has_unknown) return {};
    return found.binding->values;
}

bool Checks::is_own_class(const Node& node) const {
    const auto values = values_of(node);
    return !values.empty() &&
           std::ranges::all_of(values, [](const Node* value) { return value->type == kClassDef; });
}

bool Checks::is_own_object(const Node& node) const {
    if (node.type == kCall) return is_own_class(*node.child("func"));
    if (node.type == kName) {
        const std::string_view name = node.text("id");
        for (std::size_t i = scopes.size(); i-- > 0;) {
            if (!scopes[i].receiver.empty() && scopes[i].receiver == name) return true;
            if (scopes[i].names.contains(name)) break;
        }
        if (is_own_class(node)) return true;
        const auto values = values_of(node);
        return !values.empty() && std::ranges::all_of(values, [&](const Node* value) {
            return value->type == kCall && is_own_class(*value->child("func"));
        });
    }
    if (node.type != kAttribute || !is_own_object(*node.child("value"))) return false;
    const auto stored = facts.stored.find(node.text("attr"));
    return stored != facts.stored.end() &&
           std::ranges::all_of(stored->second, [&](const Node* value) {
               return value != nullptr && value->type == kCall &&
                      is_own_class(*value->child("func"));
           });
}

bool Checks::may_be_own_object(const Node& node, int depth) const {
    constexpr int kMaxDepth = 2;  // `x = x.next()` goes round in circles, and branches.
    if (depth > kMaxDepth) return false;
    if (node.type == kCall) {
        const Node& function = *node.child("func");
        if (!function_of(function).empty()) return !values_of(function).empty();
        return function.type == kName || (function.type == kAttribute &&
                                          may_be_own_object(*function.child("value"), depth + 1));
    }
    if (node.type == kAttribute) {
        return module_of(*node.child("value")).empty() && facts.stored.contains(node.text("attr"));
    }
    if (node.type == kSubscript) {
        const Node& items = *node.child("value");
        static const NameSet keepers("sorted list tuple dict reversed set frozenset");
        return (items.type == kCall && keepers.contains(function_of(*items.child("func")))) ||
               may_be_own_object(items, depth + 1);
    }
    if (node.type != kName || !module_of(node).empty()) return false;
    const Meaning found = meaning(node);
    if (found.binding == nullptr || !found.binding->member.empty()) return false;
    const auto values = values_of(node);
    return values.empty() || std::ranges::any_of(values, [&](const Node* value) {
               return value->type == kClassDef ||
                      (value->type == kCall && may_be_own_object(*value, depth + 1));
           });
}

bool Checks::is_trusted(const Node& attribute) {
    const Node& receiver = *attribute.child("value");
    if (!is_own_object(receiver) && !may_be_own_object(receiver)) return false;
    trusted.push_back(&attribute);
    needs_flow = true;
    return true;
}

bool Checks::is_class_like(const Node& node) const {
    if (node.type == kAttribute) {
        return node.text("attr") == "__class__" ||
               (!module_of(*node.child("value")).empty() &&
                std::isupper(static_cast<unsigned char>(node.text("attr")[0])) != 0);
    }
    if (node.type == kSubscript) return is_class_like(*node.child("value"));
    if (node.type == kCall) return function_of(*node.child("func")) == "type";
    if (node.type != kName) return false;
    static const NameSet classes(
        "bool bytearray bytes classmethod complex dict enumerate filter float frozenset int list "
        "map object property range reversed set slice staticmethod str super tuple type zip cls "
        "BaseException Exception");
    const std::string_view name = node.text("id");
    const Meaning found = meaning(node);
    if (found.binding == nullptr) return classes.contains(name) || name.ends_with("Error");
    if (name == "cls") return true;
    const std::string& member = found.binding->member;
    if (!member.empty()) {
        return std::isupper(static_cast<unsigned char>(member[member.rfind('.') + 1])) != 0;
    }
    return std::ranges::any_of(found.binding->values, [&](const Node* value) {
        return value->type == kClassDef || (value->type != kName && is_class_like(*value));
    });
}

bool Checks::is_memory_file(const Node& node) const {
    if (node.type == kCall) {
        const std::string function = function_of(*node.child("func"));
        return function == "io.StringIO" || function == "io.BytesIO";
    }
    if (node.type == kAttribute) {
        const std::string name = function_of(node);
        return name == "sys.stdout" || name == "sys.stderr" || name == "sys.stdin";
    }
    const auto values = values_of(node);
    return !values.empty() && std::ranges::all_of(values, [&](const Node* value) {
        return value->type == kCall && is_memory_file(*value);
    });
}

// ── names ──

void Checks::check_use(const Node& node, std::string_view name) {
    if (is_mangled(facts, name)) {
        refuse(node, Rule::kMangledName,
               concat("'", name, "' is another spelling of a class's private name"));
    }
    if (!is_dunder(name) || policy.usable_dunders.contains(name)) return;
    refuse(node, Rule::kDunderNotAllowed, concat("'", name, "' may not be used"));
}

void Checks::check_definition(const Node& node, std::string_view name) {
    if (is_mangled(facts, name)) {
        refuse(node, Rule::kMangledName,
               concat("'", name, "' is another spelling of a class's private name"));
    }
    if (is_dunder(name) && !policy.definable_dunders.contains(name)) {
        refuse(node, Rule::kDunderNotAllowed, concat("'", name, "' may not be defined"));
    }
    // Dataclasses, named tuples and protocols make attribute names of it.
    if (!scopes.empty() && scopes.back().kind == Scope::Kind::kClass &&
        policy.refused_attributes.contains(name)) {
        refuse(node, Rule::kAttributeNotAllowed,
               concat("the attribute '", name, "' may not be defined"), "call it something else");
    }
}

void Checks::check_name(const Node& node) {
    const std::string_view name = node.text("id");
    check_use(node, name);
    if (permitted.contains(&node)) return;
    const Meaning found = meaning(node);
    if (found.kind == Meaning::Kind::kModule) {
        return refuse(node, Rule::kModuleAsValue,
                      concat("the module '", found.binding->module, "' may be used only as in '",
                             name, ".something'"));
    }
    const std::string function = function_of(node);
    if (const CallRule* rule = function.empty() ? nullptr : policy.find_call(function)) {
        return refuse(node, Rule::kCallNotPlain,
                      concat("'", rule->function, "' may not be used as a value"));
    }
    if (found.kind != Meaning::Kind::kGlobal) return;
    if (policy.refused_builtins.contains(name)) {
        refuse(node, Rule::kBuiltinNotAllowed, concat("the built-in '", name, "' may not be used"),
               replacement_for(name));
    } else if (name == "type") {
        refuse(node, Rule::kTypeNotCalled, "'type' may not be used as a value");
    }
}

// ── attributes ──

void Checks::check_attribute(const Node& node, std::string_view name, const Node* receiver) {
    check_use(node, name);
    const bool is_defined = facts.attributes.contains(name);
    const auto refuse_it = [&] {
        refuse(node, Rule::kAttributeNotAllowed,
               concat("the attribute '", name, "' may not be used"));
    };
    if (name == "format") return refuse_format(node);
    if (policy.refused_attributes.contains(name)) return refuse_it();
    if (is_private(name) && !is_defined && !policy.usable_privates.contains(name)) {
        return refuse(node, Rule::kPrivateAttribute,
                      concat("'", name, "' is private, and no class of this program defines it"));
    }
    if (!is_defined && policy.own_attributes.contains(name)) return refuse_it();
    for (const ModuleRule* module : imported_) {
        if (!module->refused_attributes.contains(name) && !module->file_methods.contains(name)) {
            continue;
        }
        if (is_defined && receiver != nullptr && is_trusted(node)) continue;
        if (module->refused_attributes.contains(name)) return refuse_it();
        return refuse(node, Rule::kFileNotAllowed,
                      concat("'", name, "' may only be called, without a file's name"));
    }
}

void Checks::check_dotted(const Node& node, std::string_view text) {
    for (std::size_t at = 0; at <= text.size();) {
        const std::size_t end = std::min(text.find('.', at), text.size());
        check_attribute(node, text.substr(at, end - at));
        at = end + 1;
    }
}

void Checks::refuse_format(const Node& node) {
    refuse(node, Rule::kFormatNotLiteral, "'format' works on a template that is a literal");
}

void Checks::check_format(const Node& node, const Node& base) {
    std::vector<const Node*> templates = values_of(base);
    if (string_literal(&base) != nullptr) templates = {&base};
    if (templates.empty() || !std::ranges::all_of(templates, [](const Node* n) {
            return string_literal(n) != nullptr;
        })) {
        if (facts.attributes.contains("format") && is_trusted(node)) return;
        return refuse_format(node);
    }
    for (const Node* literal : templates) {
        for (const std::string_view name : attributes_in_format(literal->text("value"))) {
            if (is_dunder(name)) {
                refuse(node, Rule::kDunderNotAllowed,
                       concat("'", name, "' may not be used in a format string"));
            } else {
                check_attribute(node, name);
            }
        }
    }
}

void Checks::check_module_name(const Node& node, std::string_view module, std::string_view name) {
    const ModuleRule* rule = policy.find_module(module);
    if (rule != nullptr && rule->names.contains(name)) {
        used_modules.insert(rule->name);
        return;
    }
    refuse(node, Rule::kNameNotAllowed,
           concat("'", module, ".", name, "' is not among what the policy '", policy.name,
                  "' allows of ", module));
}

// ── annotations ──

void Checks::check_annotation(const Node& annotation) {
    if (const Node* literal = string_literal(&annotation)) {
        return check_type_text(*literal, literal->text("value"));
    }
    const bool is_union = annotation.type == kBinOp && annotation.child("op")->type == kBitOr;
    if (annotation.type == kJoinedStr || annotation.type == kCall ||
        (annotation.type == kBinOp && !is_union)) {
        return refuse(annotation, Rule::kAnnotationNotAType, "an annotation computes nothing");
    }
    if (annotation.type == kSubscript) {
        const std::string generic = function_of(*annotation.child("value"));
        // Their strings are data.
        if (generic == "typing.Literal" || generic == "typing.Annotated") return;
    }
    for (const Node* value : values_of(annotation)) {
        if (string_literal(value) != nullptr) check_type_text(*value, value->text("value"));
    }
    for (const Field& field : annotation.fields) {
        for (const auto& child : field.nodes)
            check_annotation(*child);
    }
}

void Checks::check_generic(const Node& subscript) {
    static const NameSet generics("dict frozenset list set tuple type");
    const std::string generic = function_of(*subscript.child("value"));
    if (!generic.starts_with("typing.") && !generics.contains(generic)) return;
    check_annotation(subscript);
    const auto may_be_text = [&](const Node& node) {
        return node.type == kCall || node.type == kAttribute ||
               (node.type == kName && meaning(node).binding != nullptr && !is_own_class(node));
    };
    const Node& slice = *subscript.child("slice");
    needs_flow = needs_flow || may_be_text(slice) ||
                 std::ranges::any_of(slice.children("elts"),
                                     [&](const auto& element) { return may_be_text(*element); });
}

void Checks::check_type_text(const Node& node, std::string_view text) {
    const TypeText read = read_type_text(text);
    for (const std::string_view name : read.names)
        check_dotted_type(node, name);
    if (read.stranger.empty()) return;
    refuse(node, Rule::kAnnotationNotAType,
           concat("a string annotation may not hold '", read.stranger, "'"));
}

void Checks::check_dotted_type(const Node& node, std::string_view text) {
    const std::size_t dot = text.find('.');
    const std::string_view head = text.substr(0, dot);
    check_use(node, head);
    if (is_keyword_of_code(head) || policy.refused_builtins.contains(head)) {
        refuse(node, Rule::kAnnotationNotAType, concat("'", head, "' is no type"));
    }
    const Meaning found = meaning_of(head, position_of(node), scopes, facts.unbound);
    if (dot == std::string_view::npos) return;
    if (found.kind != Meaning::Kind::kModule) return check_dotted(node, text.substr(dot + 1));
    const std::size_t last = text.rfind('.');
    const std::string module = last == dot
                                   ? found.binding->module
                                   : concat(found.binding->module, text.substr(dot, last - dot));
    check_module_name(node, module, text.substr(last + 1));
}

}  // namespace vitrine::python
