// Where values may get in a program: the walk looks at places, this at what arrives there.
//
// A value has kinds: it may be a class, a metaclass, an object of a library, text. Kinds spread
// through variables, attributes, containers, parameters and results until nothing changes, and are
// never taken away: order, branches and indices do not count, attributes are told apart by name
// alone, a container has the kinds of all it holds. What may be called without being seen gets
// whatever is handed to strangers. So a kind that is missing is certainly missing, as far as the
// program's own text goes, and a kind that is there may be a false alarm: the places that look for
// one are few.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "python/checks.h"

namespace vitrine::python {

using Kinds = std::uint32_t;
inline constexpr Kinds kMayBeClass = 1U << 0U;
inline constexpr Kinds kMayBeMetaclass = 1U << 1U;  ///< `type`, or what else makes classes.
inline constexpr Kinds kMayBeLibrarys = 1U << 2U;   ///< Of a library that refuses attributes.
inline constexpr Kinds kMayBeStream = 1U << 3U;     ///< `sys.stdin`, or made of it.
inline constexpr Kinds kMayBeText = 1U << 4U;
inline constexpr Kinds kMayNameAnything = 1U << 5U;  ///< Text put together, or a refused name.
inline constexpr Kinds kMayGiveClass = 1U << 6U;     ///< Called, it may give a class.
/// Kinds that stay with a value when Python hands it to a method of the program's on its own.
inline constexpr Kinds kClasses = kMayBeClass | kMayBeMetaclass;
/// Classes derive from classes, methods are looked up along them: never deeper than this.
inline constexpr int kMaxBases = 20;

/// The name of a function's first positional parameter; empty when it has none.
std::string_view first_parameter(const Node& function);

class Flow {
  public:
    /// Both are borrowed; `checks` has walked the program and gets the findings.
    Flow(Checks& checks, const Node& module);

    void run();

  private:
    struct Function {
        const Node* node = nullptr;
        const Node* owner = nullptr;  ///< The class it is a method of.
        bool is_static = false;
        bool is_class_method = false;
        bool is_property = false;
        bool is_plain = true;           ///< No decorator puts something else in its place.
        bool is_escaped = false;        ///< It may be called from anywhere…
        bool is_receiver_open = false;  ///< …with anything as its `self`.
    };
    struct Argument {
        const Node* node = nullptr;
        std::string_view keyword;  ///< Empty for a positional one.
        Kinds kinds = 0;
    };
    struct Arguments {
        std::vector<Argument> list;
        Kinds all = 0;
        bool has_star = false;
    };

    // ── before the walk (flow_known.cc) ──
    void gather(const Node& node, const Node* owner);
    void gather_function(const Node& node, const Node* owner);
    void gather_alias(const Node& assignment, const Node& owner);

    // ── expressions (flow.cc) ──
    Kinds visit(const Node& node);
    Kinds visit_children(const Node& node);
    Kinds visit_all(const Node& node, std::string_view field);
    Kinds visit_name(const Node& node);
    Kinds visit_attribute(const Node& node);
    Kinds visit_subscript(const Node& node);
    Kinds visit_operator(const Node& node);
    Kinds visit_comprehension(const Node& node);
    Kinds visit_constant(const Node& node);
    Kinds give_back(const Node& node);

    // ── statements (flow_statements.cc) ──
    Kinds visit_statement(const Node& node);
    void visit_match(const Node& node);
    void visit_pattern(const Node& pattern, Kinds subject);
    void visit_function(const Node& node);
    void visit_parameters(const Node& node, const Function& function);
    void visit_defaults(const Node& node);
    void visit_class(const Node& node);
    void visit_decorators(const Node& node, Kinds decorated);
    void assign(const Node& target, Kinds kinds);
    void put_into(const Node& container, Kinds kinds);
    template <typename Action>
    void in_scope(const Node& owner, Action&& action);

    // ── calls (flow_calls.cc) ──
    Kinds visit_call(const Node& node);
    Arguments arguments_of(const Node& call);
    Kinds call_named(const Node& call, const Node& name, const Arguments& arguments);
    Kinds call_method(const Node& call, const Node& callee, const Arguments& arguments);
    Kinds call_own_class(const Node& node, const Arguments& arguments, int depth = 0);
    Kinds call_own(const Node& function, const Arguments& arguments);
    Kinds call_builtin(const Node& call, std::string_view name, const Arguments& arguments);
    Kinds call_library(const Node& call, std::string_view name, const Arguments& arguments);
    Kinds call_unknown(const Node& call, Kinds callee, const Arguments& arguments);
    Kinds call_by_literal(const CallRule& rule, const Arguments& arguments);
    void hand_to(const Node& function, const Arguments& arguments, std::size_t first);
    void hand_all_to(const Node& function, Kinds kinds);
    void hand_to_callbacks(const Arguments& arguments, Kinds kinds);
    void give_to_strangers(Kinds kinds);
    Kinds type_of(Kinds kinds) const;

    // ── what is known (flow_known.cc) ──
    const Node* owner_of(std::string_view name) const;
    /// As the walk's, but in a class body for the class's names too.
    Meaning meaning(const Node& name) const;
    std::vector<const Node*> values_of(const Node& name) const;
    Kinds& variable(std::string_view name) { return variables_[{owner_of(name), name}]; }
    const Function* current_method() const;
    const Node* method_class(const Node& name) const;
    bool class_shows(const Node& value, std::string_view attribute) const;
    Kinds kinds_of_module(std::string_view full) const;
    Kinds kinds_of_class(const Node& node, int depth = 0);
    bool defines(const Node& class_node, std::string_view name, int depth = 0) const;
    Kinds results_of(std::string_view method) const;
    Kinds results_of_operator(NodeType op) const;
    void escape(std::string_view name, bool is_receiver_open);
    void escape_class(const Node& node);
    void open_properties();
    void join(Kinds& place, Kinds more);

    // ── judgement (flow_checks.cc) ──
    Kinds seen(Kinds kinds) const { return is_hopeless_ ? ~Kinds{0} : kinds; }
    void refuse(const Node& node, Rule rule, std::string message, std::string_view hint = {});
    void judge_call(const Node& call, Kinds callee, const Arguments& arguments);
    void judge_handed(const Node& call, const Arguments& arguments);
    void judge_attribute(const Node& node, Kinds base);
    void judge_base(const Node& base, Kinds kinds);
    void judge_type_text(const Node& subscript);
    void judge_names(const Node& call, const Arguments& arguments);

    Checks& checks_;
    const Node& module_;
    std::unordered_map<const Node*, Kinds> constants_;  ///< What their text is, once found out.
    std::map<const Node*, Scope> scopes_;               ///< Those that are not in use.
    std::map<std::pair<const Node*, std::string_view>, Kinds> variables_;
    std::map<std::string_view, Kinds> attributes_;
    std::map<const Node*, Kinds> results_;
    std::map<const Node*, Function> functions_;
    std::map<std::string_view, std::vector<const Node*>> by_name_;
    std::set<const Node*> aliases_;          ///< Methods named in class bodies to get another name.
    std::set<const Node*> escaped_classes_;  ///< Named other than to be called.
    std::set<const Node*> trusted_;
    std::set<const Node*> judged_;
    Kinds to_escaped_ = 0;      ///< Handed to whatever may be called unseen.
    Kinds to_operators_ = 0;    ///< Handed to methods that Python calls…
    Kinds to_comparisons_ = 0;  ///< …and to those of them that compare.
    Kinds from_escaped_ = 0;    ///< Given back by what may be called unseen.
    Kinds raised_ = 0;
    Kinds sent_ = 0;
    Kinds annotated_ = 0;
    bool is_changed_ = false;
    bool is_judging_ = false;
    bool is_hopeless_ = false;  ///< It took too long: everything may be anything.
};

template <typename Action>
void Flow::in_scope(const Node& owner, Action&& action) {
    auto found = scopes_.find(&owner);
    if (found == scopes_.end()) found = scopes_.emplace(&owner, scope_of(owner, checks_)).first;
    checks_.scopes.push_back(std::move(found->second));
    std::forward<Action>(action)();
    found->second = std::move(checks_.scopes.back());
    checks_.scopes.pop_back();
}

/// Follows the values of a program that was walked, and adds what it finds to `checks`.
void check_flow(Checks& checks, const Node& module);

}  // namespace vitrine::python
