#include "python/facts.h"

#include <algorithm>

namespace vitrine::python {

namespace {

using enum NodeType;

class Gatherer {
  public:
    explicit Gatherer(Facts& facts) : facts_(facts) {}

    void gather(const Node& node) {
        switch (node.type) {
            case kClassDef:
                return gather_class(node);
            case kFunctionDef:
            case kAsyncFunctionDef:
                return gather_function(node, false);
            case kAttribute:
                gather_store(node, nullptr);
                break;
            case kAssign:
                return gather_assignment(node);
            case kName:
                if (node.child("ctx")->type == kDel) facts_.unbound.insert(node.text("id"));
                break;
            case kExceptHandler:
                facts_.unbound.insert(node.text("name"));
                break;
            case kGlobal:
            case kNonlocal:
                for (const std::string& name : node.field("names")->texts)
                    facts_.shared.insert(name);
                break;
            case kImport:
                for (const auto& alias : node.children("names"))
                    note_import(alias->text("name"));
                break;
            case kImportFrom:
                note_import(node.text("module"));
                break;
            default:
                break;
        }
        gather_children(node);
    }

  private:
    void gather_children(const Node& node) {
        for (const Field& field : node.fields) {
            for (const auto& child : field.nodes)
                gather(*child);
        }
    }

    void gather_assignment(const Node& node) {
        for (const auto& target : node.children("targets")) {
            if (target->type == kAttribute) {
                gather_store(*target, node.child("value"));
                gather(*target->child("value"));
            } else {
                gather(*target);
            }
        }
        gather(*node.child("value"));
    }

    void note_import(std::string_view module) {
        facts_.imported.insert(module);
        facts_.imported.insert(module.substr(0, module.find('.')));
    }

    void gather_class(const Node& node) {
        const std::string_view name = node.text("name");
        const std::size_t start = name.find_first_not_of('_');
        if (start != std::string_view::npos) facts_.mangling_classes.insert(name.substr(start));
        for (const Field& field : node.fields) {
            if (field.name == "body") continue;
            for (const auto& child : field.nodes)
                gather(*child);
        }
        const std::string_view outer = receiver_;
        for (const auto& statement : node.children("body")) {
            receiver_ = {};
            gather_member(*statement);
        }
        receiver_ = outer;
    }

    void gather_member(const Node& statement) {
        switch (statement.type) {
            case kFunctionDef:
            case kAsyncFunctionDef:
                facts_.attributes.insert(statement.text("name"));
                return gather_function(statement, true);
            case kClassDef:
                facts_.attributes.insert(statement.text("name"));
                break;
            case kAnnAssign:
                note_target(*statement.child("target"));
                break;
            case kAssign:
                for (const auto& target : statement.children("targets")) {
                    note_target(*target);
                    if (target->text("id") == "__slots__") note_slots(*statement.child("value"));
                }
                break;
            default:
                break;
        }
        gather(statement);
    }

    void note_target(const Node& target) {
        if (target.type == kName) facts_.attributes.insert(target.text("id"));
        for (const auto& element : target.children("elts"))
            note_target(*element);
    }

    void note_slots(const Node& value) {
        if (value.type == kConstant) facts_.attributes.insert(value.text("value"));
        for (const auto& element : value.children("elts"))
            note_slots(*element);
    }

    void gather_function(const Node& node, bool is_method) {
        const std::string_view outer = receiver_;
        if (is_method) receiver_ = first_parameter(node);
        gather_children(node);
        receiver_ = outer;
    }

    static std::string_view first_parameter(const Node& function) {
        const Node& arguments = *function.child("args");
        for (const char* list : {"posonlyargs", "args"}) {
            const auto& parameters = arguments.children(list);
            if (!parameters.empty()) return parameters.front()->text("arg");
        }
        return {};
    }

    void gather_store(const Node& target, const Node* value) {
        if (target.type != kAttribute || target.child("ctx")->type != kStore) return;
        const Node& base = *target.child("value");
        if (base.type != kName || receiver_.empty() || base.text("id") != receiver_) return;
        facts_.attributes.insert(target.text("attr"));
        facts_.stored[target.text("attr")].push_back(value);
    }

    Facts& facts_;
    std::string_view receiver_;
};

}  // namespace

Facts facts_of(const Node& module) {
    Facts facts;
    Gatherer(facts).gather(module);
    facts.unbound.erase("");
    return facts;
}

bool is_mangled(const Facts& facts, std::string_view name) {
    if (name.size() < 4 || name[0] != '_' || name[1] == '_' || name.ends_with("__")) return false;
    for (std::size_t at = name.find("__", 1); at != std::string_view::npos;
         at = name.find("__", at + 1)) {
        if (facts.mangling_classes.contains(name.substr(1, at - 1))) return true;
    }
    return false;
}

}  // namespace vitrine::python
