// Theory of operation. Nothing here tries to know what a value is. It is enough that a program can
// name only what the policy lists: a module only as the base of an attribute that is listed for
// it, an attribute of anything else only if it is on no black list and is no unlisted dunder, a
// built-in only if it cannot turn text into code or into an attribute's name. What could carry a
// name as text (getattr, str.format) is let through with literals only. Whatever is not understood
// is refused: an unknown node type, a name that may be a module or not.

#include "python/validator.h"

#include <algorithm>

#include "base/error.h"
#include "python/ast.h"
#include "python/checks.h"
#include "python/flow.h"
#include "python/receivers.h"

namespace vitrine::python {

namespace {

using enum NodeType;

class Validator {
  public:
    Validator(const Policy& policy, std::string_view source, const Node& module)
        : policy_(policy), checks_(policy, source, module) {}

    /// Attributes whose objects must turn out to be the program's own.
    const std::vector<const Node*>& trusted() const { return checks_.trusted; }

    std::vector<Finding> run(const Node& module) {
        in_scope(module, [&] { visit_all(module, "body"); });
        checks_.check_unused_imports();
        if (checks_.needs_flow) check_flow(checks_, module);
        return checks_.findings.take();
    }

  private:
    void refuse(const Node& node, Rule rule, std::string message, std::string_view hint = {}) {
        checks_.refuse(node, rule, std::move(message), hint);
    }

    Scope& scope() { return checks_.scopes.back(); }

    template <typename Action>
    void in_scope(const Node& owner, Action&& action) {
        checks_.scopes.push_back(scope_of(owner, checks_));
        std::forward<Action>(action)();
        checks_.scopes.pop_back();
    }

    void visit_all(const Node& node, std::string_view field) {
        for (const auto& child : node.children(field))
            visit(*child);
    }

    void visit_children(const Node& node) {
        for (const Field& field : node.fields) {
            for (const auto& child : field.nodes)
                visit(*child);
        }
    }

    // ── names and attributes ──

    void visit_name(const Node& node) {
        if (node.child("ctx")->type == kLoad) return checks_.check_name(node);
        checks_.check_definition(node, node.text("id"));
    }

    void visit_attribute(const Node& node) {
        const Node& base = *node.child("value");
        const std::string_view name = node.text("attr");
        if (const std::string module = checks_.module_of(base); !module.empty()) {
            return visit_module_attribute(node, module, name);
        }
        // `x.__class__.__name__` tells no more than type(x).__name__.
        visit(names_class(name, base) ? *base.child("value") : base);
        if (name == "format") return checks_.check_format(node, base);
        if (name == "__class__") return visit_class_attribute(node, base);
        if (!checks_.permitted.contains(&node)) checks_.check_attribute(node, name, &base);
    }

    static bool names_class(std::string_view name, const Node& base) {
        if (base.type != kAttribute || base.text("attr") != "__class__") return false;
        return name == "__name__" || name == "__qualname__" || name == "__doc__" ||
               name == "__module__";
    }

    /// A method's own class is the program's; of other objects the class may be compared. That
    /// the object is no class, whose class would be a metaclass, is seen to at run time.
    void visit_class_attribute(const Node& node, const Node& base) {
        const bool is_load = node.child("ctx")->type == kLoad;
        if (is_load && (checks_.permitted.contains(&node) ||
                        (base.type == kName && checks_.is_own_object(base)))) {
            checks_.trusted.push_back(&node);
            checks_.needs_flow = true;
            return;
        }
        refuse(node, Rule::kDunderNotAllowed, "'__class__' may not be used here");
    }

    void visit_module_attribute(const Node& node, const std::string& module,
                                std::string_view name) {
        if (node.child("ctx")->type != kLoad) {
            return refuse(node, Rule::kModuleChanged,
                          concat("the module '", module, "' may not be changed"));
        }
        const std::string full = concat(module, ".", name);
        if (checks_.is_module(full)) {
            return refuse(
                node, Rule::kModuleAsValue,
                concat("the module '", full, "' may be used only as the base of an attribute"));
        }
        checks_.check_module_name(node, module, name);
        if (policy_.find_call(full) != nullptr && !checks_.permitted.contains(&node)) {
            refuse(node, Rule::kCallNotPlain, concat("'", full, "' may not be used as a value"));
        }
    }

    /// `x += y` reads x, and hands it to y's class.
    void visit_augmented(const Node& node) {
        const Node& target = *node.child("target");
        if (target.type == kName) {
            checks_.check_definition(target, target.text("id"));
            checks_.check_name(target);
        } else {
            visit(target);
        }
        visit_all(node, "value");
    }

    void visit_compare(const Node& node) {
        const auto permit = [&](const Node& operand) {
            const bool is_type = operand.type == kName && operand.text("id") == "type";
            const bool is_class = operand.type == kAttribute && operand.text("attr") == "__class__";
            if (!is_type && !is_class) return;
            checks_.permitted.insert(&operand);
            checks_.needs_flow = true;
        };
        permit(*node.child("left"));
        for (const auto& operand : node.children("comparators"))
            permit(*operand);
        permit_module_is_none(node);
        visit_children(node);
    }

    /// What `try: import … except ImportError: … = None` is asked for.
    void permit_module_is_none(const Node& node) {
        const auto& operands = node.children("comparators");
        const auto& operators = node.children("ops");
        if (operands.size() != 1) return;
        const bool is_identity = operators[0]->type == kIs || operators[0]->type == kIsNot;
        const Node& right = *operands[0];
        if (is_identity && right.type == kConstant && string_literal(&right) == nullptr) {
            checks_.permitted.insert(node.child("left"));
        }
    }

    // ── definitions ──

    void visit_function(const Node& node) {
        checks_.check_definition(node, node.text("name"));
        visit_all(node, "decorator_list");
        const Node& arguments = *node.child("args");
        visit_all(node, "type_params");
        visit_outer_arguments(arguments);
        if (const Node* returns = node.child("returns")) visit_annotation(*returns);
        const bool is_method = scope().kind == Scope::Kind::kClass;
        in_scope(node, [&] {
            if (is_method) scope().receiver = receiver_of(node);
            check_parameters(arguments);
            visit_all(node, "body");
        });
    }

    /// The parameter that is the object, unless it is bound to something else as well.
    static std::string_view receiver_of(const Node& function) {
        for (const auto& decorator : function.children("decorator_list")) {
            if (decorator->text("id") == "staticmethod") return {};
        }
        const Node& arguments = *function.child("args");
        for (const char* list : {"posonlyargs", "args"}) {
            const auto& parameters = arguments.children(list);
            if (!parameters.empty()) return parameters.front()->text("arg");
        }
        return {};
    }

    void visit_lambda(const Node& node) {
        const Node& arguments = *node.child("args");
        visit_outer_arguments(arguments);
        in_scope(node, [&] {
            check_parameters(arguments);
            visit_all(node, "body");
        });
    }

    template <typename Action>
    static void for_each_parameter(const Node& arguments, Action&& action) {
        for (const char* list : {"posonlyargs", "args", "kwonlyargs", "vararg", "kwarg"}) {
            for (const auto& argument : arguments.children(list))
                action(*argument);
        }
    }

    /// Defaults and annotations are evaluated outside the function.
    void visit_outer_arguments(const Node& arguments) {
        visit_all(arguments, "defaults");
        visit_all(arguments, "kw_defaults");
        for_each_parameter(arguments, [&](const Node& parameter) {
            if (const Node* annotation = parameter.child("annotation")) {
                visit_annotation(*annotation);
            }
        });
    }

    void check_parameters(const Node& arguments) {
        for_each_parameter(arguments, [&](const Node& parameter) {
            checks_.check_definition(parameter, parameter.text("arg"));
        });
    }

    void visit_class(const Node& node) {
        checks_.check_definition(node, node.text("name"));
        visit_all(node, "decorator_list");
        for (const auto& base : node.children("bases")) {
            const CallRule* rule = policy_.find_call(checks_.function_of(*base));
            if (rule != nullptr && rule->kind == CallRule::Kind::kBase) {
                checks_.permitted.insert(base.get());
            }
            if (base->type != kSubscript && checks_.function_of(*base).empty()) {
                checks_.needs_flow = checks_.needs_flow || !checks_.is_own_class(*base);
            }
        }
        visit_all(node, "bases");
        visit_all(node, "type_params");
        for (const auto& keyword : node.children("keywords"))
            visit_class_keyword(*keyword);
        in_scope(node, [&] { visit_all(node, "body"); });
    }

    void visit_class_keyword(const Node& keyword) {
        const std::string_view name = keyword.text("arg");
        if (name == "metaclass" || name.empty()) {
            const Node& value = *keyword.child("value");
            const CallRule* rule = policy_.find_call(checks_.function_of(value));
            if (name.empty() || rule == nullptr || rule->kind != CallRule::Kind::kMetaclass) {
                refuse(keyword, Rule::kMetaclassNotAllowed, "a class may not choose its metaclass");
            } else {
                checks_.permitted.insert(&value);
            }
        }
        visit(keyword);
    }

    /// Whether `name` is read in `node` as anything but the base of an attribute.
    static bool escapes(const Node& node, std::string_view name) {
        if (node.type == kName) return node.text("id") == name && node.child("ctx")->type == kLoad;
        if (node.type == kAttribute && node.child("value")->type == kName) {
            return node.child("ctx")->type != kLoad;
        }
        return std::ranges::any_of(node.fields, [&](const Field& field) {
            return std::ranges::any_of(field.nodes,
                                       [&](const auto& child) { return escapes(*child, name); });
        });
    }

    /// `[f.name for f in fields(x)]` hands no item on.
    void permit_iterated(const Node& comprehension) {
        for (const auto& generator : comprehension.children("generators")) {
            const Node& target = *generator->child("target");
            if (target.type == kName && !escapes(comprehension, target.text("id"))) {
                checks_.permitted.insert(generator->child("iter"));
            }
        }
    }

    void visit_comprehension(const Node& node) {
        const auto& generators = node.children("generators");
        permit_iterated(node);
        // The first iterable is evaluated outside.
        visit_all(*generators.front(), "iter");
        in_scope(node, [&] {
            for (const auto& generator : generators) {
                visit_all(*generator, "target");
                if (generator != generators.front()) visit_all(*generator, "iter");
                visit_all(*generator, "ifs");
            }
            for (const char* part : {"elt", "key", "value"})
                visit_all(node, part);
        });
    }

    // ── the rest ──

    void check_names(const Node& node, const char* field) {
        for (const std::string& name : node.field(field)->texts)
            checks_.check_definition(node, name);
    }

    /// An annotation is code, and its strings may become code.
    void visit_annotation(const Node& annotation) {
        permit_type(annotation);
        checks_.check_annotation(annotation);
        ++annotations_;
        visit(annotation);
        --annotations_;
    }

    /// `type` and `type[int]` are annotations.
    void permit_type(const Node& node) {
        if (node.type == kName && node.text("id") == "type") checks_.permitted.insert(&node);
        if (node.type != kSubscript && node.type != kBinOp && node.type != kTuple) return;
        for (const Field& field : node.fields) {
            for (const auto& child : field.nodes)
                permit_type(*child);
        }
    }

    void visit_annotated(const Node& node) {
        visit_annotation(*node.child("annotation"));
        if (const Node* value = node.child("value");
            value != nullptr && scope().kind == Scope::Kind::kClass) {
            checks_.permitted.insert(value);
        }
        visit_all(node, "target");
        visit_all(node, "value");
    }

    /// `__match_args__ = ("x", "y")` names the attributes that patterns read by position.
    void visit_assign(const Node& node) {
        const auto& targets = node.children("targets");
        const Node& value = *node.child("value");
        const bool names_positions = targets.size() == 1 && targets[0]->type == kName &&
                                     targets[0]->text("id") == "__match_args__" &&
                                     scope().kind == Scope::Kind::kClass && value.type == kTuple;
        if (!names_positions) return visit_children(node);
        for (const auto& element : value.children("elts")) {
            if (string_literal(element.get()) == nullptr) return visit_children(node);
            checks_.check_attribute(*element, element->text("value"));
        }
    }

    void visit(const Node& node) {
        if (!policy_.refused_syntax.empty() &&
            policy_.refused_syntax.contains(node_type_name(node.type))) {
            refuse(node, Rule::kSyntaxNotAllowed,
                   concat("the policy '", policy_.name, "' refuses '", node_type_name(node.type),
                          "'"));
        }
        if (!visit_expression(node)) visit_statement(node);
    }

    /// False for anything it has no special word on.
    bool visit_expression(const Node& node) {
        switch (node.type) {
            case kName:
                visit_name(node);
                return true;
            case kAttribute:
                visit_attribute(node);
                return true;
            case kCall:
                checks_.check_call(node);
                visit_children(node);
                return true;
            case kCompare:
                visit_compare(node);
                return true;
            case kSubscript:
                if (annotations_ == 0) checks_.check_generic(node);
                visit_children(node);
                return true;
            case kLambda:
                visit_lambda(node);
                return true;
            case kListComp:
            case kSetComp:
            case kDictComp:
            case kGeneratorExp:
                visit_comprehension(node);
                return true;
            default:
                return false;
        }
    }

    void visit_statement(const Node& node) {
        switch (node.type) {
            case kUnknown:
                return refuse(node, Rule::kNodeNotAllowed,
                              concat("the language element '", node.type_name, "' is not known"));
            case kImport:
                return checks_.check_import(node);
            case kImportFrom:
                return checks_.check_import_from(node);
            case kFunctionDef:
            case kAsyncFunctionDef:
                return visit_function(node);
            case kClassDef:
                return visit_class(node);
            case kAugAssign:
                return visit_augmented(node);
            case kAnnAssign:
                return visit_annotated(node);
            case kAssign:
                return visit_assign(node);
            case kMatchClass:
                checks_.check_class_pattern(node);
                break;
            case kkeyword:
                checks_.check_use(node, node.text("arg"));
                break;
            case kGlobal:
            case kNonlocal:
                return check_names(node, "names");
            case kExceptHandler:
            case kMatchAs:
            case kMatchStar:
                checks_.check_definition(node, node.text("name"));
                break;
            case kMatchMapping:
                checks_.check_definition(node, node.text("rest"));
                break;
            default:
                break;
        }
        visit_children(node);
    }

    const Policy& policy_;
    Checks checks_;
    int annotations_ = 0;  ///< Around this place: they are checked as a whole.
};

Finding too_much(CopyProblem problem, const Policy& policy) {
    if (problem == CopyProblem::kTooDeep) {
        return make_finding(
            Rule::kTooDeep,
            concat("the program is nested deeper than the policy's ", policy.max_depth, " levels"));
    }
    return make_finding(Rule::kTooLarge, concat("the program has more than the policy's ",
                                                policy.max_nodes, " elements"));
}

}  // namespace

std::vector<Finding> validate(const Api& api, PyObject* tree, std::string_view source,
                              const Policy& policy) {
    try {
        const Copied copied = copy_ast(api, tree, policy.max_depth, policy.max_nodes);
        if (copied.problem) return {too_much(*copied.problem, policy)};
        Validator validator(policy, source, *copied.root);
        std::vector<Finding> findings = validator.run(*copied.root);
        if (findings.empty()) check_receivers(api, validator.trusted());
        return findings;
    } catch (const Error& error) {
        return {make_finding(Rule::kValidatorError, error.what())};
    }
}

}  // namespace vitrine::python
