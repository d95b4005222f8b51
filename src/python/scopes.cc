#include "python/scopes.h"

#include <algorithm>

#include "base/error.h"

namespace vitrine::python {

namespace {

bool is_comprehension(NodeType type) {
    return type == NodeType::kListComp || type == NodeType::kSetComp ||
           type == NodeType::kDictComp || type == NodeType::kGeneratorExp;
}

class Collector {
  public:
    Collector(Scope& scope, const ModuleTable& modules) : scope_(scope), modules_(modules) {}

    void collect_owner(const Node& owner) {
        if (const Node* arguments = owner.child("args");
            arguments != nullptr && arguments->type == NodeType::karguments) {
            collect_parameters(*arguments);
        }
        if (is_comprehension(owner.type)) {
            for (const auto& generator : owner.children("generators")) {
                collect(*generator->child("target"));
            }
            return;
        }
        for (const auto& statement : owner.children("body"))
            collect(*statement);
        if (scope_.kind == Scope::Kind::kModule) return find_certain_bindings(owner);
        // Names declared to live elsewhere are not this scope's.
        for (const auto& name : scope_.globals)
            scope_.names.erase(name);
        for (const auto& name : scope_.nonlocals)
            scope_.names.erase(name);
    }

  private:
    void bind(std::string_view name, const Node* value = nullptr) {
        if (name.empty()) return;
        Binding& binding = scope_.names[name];
        binding.is_other = true;
        if (value == nullptr) {
            binding.has_unknown = true;
        } else {
            binding.values.push_back(value);
        }
    }

    void bind_module(std::string_view name, std::string module) {
        Binding& binding = scope_.names[name];
        binding.module = std::move(module);
        binding.has_unknown = true;
    }

    /// A statement of the module's own body that binds a name is over when the next one begins:
    /// whatever stands behind it finds the name bound.
    void find_certain_bindings(const Node& module) {
        const auto& body = module.children("body");
        for (std::size_t i = 0; i + 1 < body.size(); ++i) {
            const Node& statement = *body[i];
            const std::uint64_t next = position_of(*body[i + 1]);
            if (is_definition(statement.type)) note_certain(statement.text("name"), next);
            if (statement.type != NodeType::kAssign) continue;
            for (const auto& target : statement.children("targets")) {
                if (target->type == NodeType::kName) note_certain(target->text("id"), next);
            }
        }
    }

    void note_certain(std::string_view name, std::uint64_t from) {
        std::uint64_t& bound_from = scope_.names[name].bound_from;
        bound_from = std::min(bound_from, from);
    }

    static bool is_definition(NodeType type) {
        return is_function(type) || type == NodeType::kClassDef;
    }

    /// `name = value` says what the name holds; anything more complicated does not.
    void collect_assignment(const Node& node) {
        for (const auto& target : node.children("targets")) {
            if (target->type == NodeType::kName) {
                bind(target->text("id"), node.child("value"));
            } else {
                collect(*target);
            }
        }
        collect(*node.child("value"));
    }

    void collect_parameters(const Node& arguments) {
        for (const char* list : {"posonlyargs", "args", "kwonlyargs"}) {
            for (const auto& argument : arguments.children(list))
                bind(argument->text("arg"));
        }
        for (const char* rest : {"vararg", "kwarg"}) {
            if (const Node* argument = arguments.child(rest)) bind(argument->text("arg"));
        }
    }

    void collect(const Node& node) {
        switch (node.type) {
            case NodeType::kFunctionDef:
            case NodeType::kAsyncFunctionDef:
            case NodeType::kClassDef:
                bind(node.text("name"), &node);
                return collect_outside(node);
            case NodeType::kAssign:
                return collect_assignment(node);
            case NodeType::kLambda:
                return collect_outside(*node.child("args"));
            case NodeType::kListComp:
            case NodeType::kSetComp:
            case NodeType::kDictComp:
            case NodeType::kGeneratorExp:
                return collect_named_expressions(node);
            case NodeType::kImport:
                return collect_import(node);
            case NodeType::kImportFrom:
                return collect_import_from(node);
            case NodeType::kGlobal:
                return declare(node, scope_.globals);
            case NodeType::kNonlocal:
                return declare(node, scope_.nonlocals);
            case NodeType::kName:
                if (node.child("ctx")->type != NodeType::kLoad) bind(node.text("id"));
                return;
            case NodeType::kExceptHandler:
            case NodeType::kMatchAs:
            case NodeType::kMatchStar:
                bind(node.text("name"));
                break;
            case NodeType::kMatchMapping:
                bind(node.text("rest"));
                break;
            default:
                break;
        }
        for (const Field& field : node.fields) {
            for (const auto& child : field.nodes)
                collect(*child);
        }
    }

    static void declare(const Node& node, std::set<std::string_view>& names) {
        for (const std::string& name : node.field("names")->texts)
            names.insert(name);
    }

    /// What of a definition is evaluated outside its body.
    void collect_outside(const Node& definition) {
        for (const char* part : {"decorator_list", "bases", "keywords", "defaults", "kw_defaults",
                                 "returns", "annotation"}) {
            for (const auto& child : definition.children(part))
                collect(*child);
        }
        const Node* arguments = definition.child("args");
        if (is_function(definition.type) && arguments != nullptr) collect_outside(*arguments);
    }

    /// `:=` in a comprehension binds in the scope around it.
    void collect_named_expressions(const Node& node) {
        if (node.type == NodeType::kNamedExpr) bind(node.child("target")->text("id"));
        if (node.type == NodeType::kLambda) return;
        for (const Field& field : node.fields) {
            for (const auto& child : field.nodes)
                collect_named_expressions(*child);
        }
    }

    void collect_import(const Node& node) {
        for (const auto& alias : node.children("names")) {
            const std::string_view module = alias->text("name");
            const std::string_view as = alias->text("asname");
            const std::string_view top = module.substr(0, module.find('.'));
            bind_module(as.empty() ? top : as, std::string(as.empty() ? top : module));
        }
    }

    void collect_import_from(const Node& node) {
        for (const auto& alias : node.children("names")) {
            const std::string_view name = alias->text("name");
            const std::string_view as = alias->text("asname");
            std::string module = concat(node.text("module"), ".", name);
            if (modules_.is_module(module)) {
                bind_module(as.empty() ? name : as, std::move(module));
            } else {
                Binding& binding = scope_.names[as.empty() ? name : as];
                binding.member = std::move(module);
                binding.has_unknown = true;
                binding.is_other = true;
            }
        }
    }

    Scope& scope_;
    const ModuleTable& modules_;
};

Scope::Kind kind_of(NodeType type) {
    if (type == NodeType::kModule) return Scope::Kind::kModule;
    return type == NodeType::kClassDef ? Scope::Kind::kClass : Scope::Kind::kFunction;
}

Meaning module_meaning(std::string_view name, std::uint64_t position, const Scope& module,
                       const std::set<std::string_view>& unbound) {
    const auto found = module.names.find(name);
    if (found == module.names.end()) return {};
    const Binding& binding = found->second;
    if (!binding.module.empty()) return {Meaning::Kind::kModule, &binding};
    // Before it is bound, the name means what it means outside.
    const bool is_own = position >= binding.bound_from && !unbound.contains(name);
    return {is_own ? Meaning::Kind::kOwn : Meaning::Kind::kGlobal, &binding};
}

}  // namespace

std::uint64_t position_of(const Node& node) {
    return (std::uint64_t{node.line} << 32U) | node.offset;
}

Scope scope_of(const Node& owner, const ModuleTable& modules) {
    Scope scope;
    scope.kind = kind_of(owner.type);
    scope.owner = &owner;
    Collector(scope, modules).collect_owner(owner);
    return scope;
}

Meaning meaning_of(std::string_view name, std::uint64_t position, const std::vector<Scope>& scopes,
                   const std::set<std::string_view>& unbound) {
    for (std::size_t i = scopes.size(); i-- > 1;) {
        const Scope& scope = scopes[i];
        const bool is_innermost = i + 1 == scopes.size();
        // A class's names are seen in its body only.
        if (scope.kind == Scope::Kind::kClass && !is_innermost) continue;
        if (scope.globals.contains(name)) break;
        const auto found = scope.names.find(name);
        if (found == scope.names.end()) continue;
        if (!found->second.module.empty()) return {Meaning::Kind::kModule, &found->second};
        if (scope.kind == Scope::Kind::kFunction) return {Meaning::Kind::kOwn, &found->second};
        // A class that binds a name looks it up in itself, then among the globals: never in the
        // functions around it.
        break;
    }
    return module_meaning(name, position, scopes.front(), unbound);
}

}  // namespace vitrine::python
