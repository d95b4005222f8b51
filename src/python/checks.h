// What can be said of one place in a program, given the policy, the scopes around it and the facts
// of the whole program. Walking is the validator's.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "python/facts.h"
#include "python/findings.h"
#include "python/policy.h"
#include "python/scopes.h"
#include "python/type_text.h"

namespace vitrine::python {

/// `node` itself when it is a string constant; null otherwise.
const Node* string_literal(const Node* node);

class Checks final : public ModuleTable {
  public:
    /// All are borrowed.
    Checks(const Policy& policy, std::string_view source, const Node& module);

    bool is_module(std::string_view name) const override {
        return policy.find_module(name) != nullptr;
    }

    void refuse(const Node& node, Rule rule, std::string message, std::string_view hint = {}) {
        findings.add(node, rule, std::move(message), hint);
    }

    // ── what something is ──

    Meaning meaning(const Node& name) const {
        return meaning_of(name.text("id"), position_of(name), scopes, facts.unbound);
    }
    /// The module an expression certainly or possibly denotes; empty for anything else.
    std::string module_of(const Node& node) const;
    /// `functools.wraps`, or a built-in's bare name; empty for anything else.
    std::string function_of(const Node& node) const;
    /// The values a name may hold, where all of them can be seen; empty otherwise.
    std::vector<const Node*> values_of(const Node& name) const;
    /// Certainly an object of a class of the program's own, or such a class.
    bool is_own_object(const Node& node) const;
    bool is_own_class(const Node& node) const;
    /// As is_own_object(), for what `attribute` is about to reach; from then on it is made sure of
    /// while the program runs.
    bool is_trusted(const Node& attribute);
    /// Possibly an object of the program's own: a parameter, or what a function of its own gives.
    bool may_be_own_object(const Node& node, int depth = 0) const;
    /// Possibly a class: of such a thing type() gives `type`.
    bool is_class_like(const Node& node) const;
    /// Certainly an in-memory file, or a standard stream.
    bool is_memory_file(const Node& node) const;
    /// Imported by the program, and with something to say about attributes.
    const std::vector<const ModuleRule*>& imported() const { return imported_; }

    // ── whether it may be ──

    void check_use(const Node& node, std::string_view name);
    void check_definition(const Node& node, std::string_view name);
    /// An attribute of that name, of `receiver` where there is one, is about to be reached.
    void check_attribute(const Node& node, std::string_view name, const Node* receiver = nullptr);
    /// The same for `a.b.c` in a string.
    void check_dotted(const Node& node, std::string_view text);
    /// `.format` of `base`.
    void check_format(const Node& node, const Node& base);
    void check_module_name(const Node& node, std::string_view module, std::string_view name);
    void check_name(const Node& node);
    /// An annotation's strings, all of which somebody may evaluate.
    void check_annotation(const Node& annotation);
    /// `Optional[x]` outside an annotation: the same strings, as soon as it is used in one.
    void check_generic(const Node& subscript);
    /// The call's shape: what stands in it is visited by the walk.
    void check_call(const Node& call);
    void check_import(const Node& node);
    void check_import_from(const Node& node);
    /// After the walk.
    void check_unused_imports();
    /// A class pattern reads attributes by keyword and by position.
    void check_class_pattern(const Node& pattern);

    const Policy& policy;
    const Facts facts;
    FindingList findings;
    std::vector<Scope> scopes;
    /// `type`, a module or `.__class__` in a place where it does no harm.
    std::set<const Node*> permitted;
    /// Attributes whose objects are to be the program's own: receivers.h.
    std::vector<const Node*> trusted;
    /// Something in the program is harmless only if no class, stranger or text gets there: flow.h.
    bool needs_flow = false;
    std::set<std::string_view> used_modules;  ///< Of which a listed name is used.

  private:
    void check_module(const Node& node, std::string_view module);
    void check_place_of_import(const Node& node, std::string_view bound);
    void check_imported_name(const Node& alias, std::string_view module);
    void check_type_text(const Node& node, std::string_view text);
    void check_dotted_type(const Node& node, std::string_view text);
    void apply_call_rule(const Node& call, const CallRule& rule);
    void check_names(const Node& call, const CallRule& rule, std::size_t first, std::size_t end);
    void refuse_computed(const Node& call, const CallRule& rule);
    void check_options(const Node& call, const CallRule& rule);
    void check_field_names(const Node& call, const CallRule& rule);
    void check_literal_name(const Node& call, const Node& argument, const CallRule& rule);
    void check_type_call(const Node& call);
    void check_type_operands(const Node& call);
    void check_functional_enum(const Node& call, const std::string& function);
    void check_method_call(const Node& call);
    void check_file_method(const Node& call, std::string_view name);
    void check_name_method(const Node& node);
    bool has_known_positions(const Node& class_node, int depth) const;
    bool has_known_base(const Node& base, int depth) const;
    void refuse_format(const Node& node);

    std::vector<const ModuleRule*> imported_;
};

}  // namespace vitrine::python
