#include "seccomp/lint.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/error.h"
#include "seccomp/calls.h"

namespace vitrine::seccomp {

namespace {

bool has_filters(const Filters& filters) {
    return !filters.capabilities.empty() || !filters.arches.empty() || filters.min_kernel;
}

bool says_the_same(const Rule& one, const Rule& other) {
    return one.action == other.action &&
           one.errno_value.value_or(kDefaultErrno) == other.errno_value.value_or(kDefaultErrno);
}

bool contradicts_itself(const Rule& rule) {
    const Filters& in = rule.includes;
    const Filters& out = rule.excludes;
    const auto is_excluded = [&out](const std::string& arch) {
        return std::ranges::count(out.arches, arch) > 0;
    };
    if (!in.arches.empty() && std::ranges::all_of(in.arches, is_excluded)) return true;
    if (in.min_kernel && out.min_kernel && *in.min_kernel >= *out.min_kernel) return true;
    return std::ranges::any_of(in.capabilities, [&out](const std::string& capability) {
        return std::ranges::count(out.capabilities, capability) > 0;
    });
}

bool never_holds(const Condition& condition) {
    switch (condition.op) {
        case Operator::kMaskedEqual:
            return (condition.value_two & ~condition.value) != 0;
        case Operator::kLess:
            return condition.value == 0;
        case Operator::kGreater:
            return condition.value == ~std::uint64_t{0};
        default:
            return false;
    }
}

class Examination {
  public:
    explicit Examination(const Study& study) : study_(study) {
        // The rule without conditions or filters that names a call first is always there.
        for (std::size_t i = 0; i < rules().size(); ++i) {
            const Rule& rule = rules()[i];
            if (!rule.conditions.empty() || has_filters(rule.includes) ||
                has_filters(rule.excludes))
                continue;
            for (const std::string& name : rule.names)
                always_.emplace(name, i);
        }
    }

    std::vector<Finding> run(Role role) {
        if (role == Role::kAlone &&
            lets_through(outcome_of(study_.profile.default_action, kDefaultErrno))) {
            add(Complaint::kAllowsEverything, "defaultAction", {},
                concat(action_name(study_.profile.default_action),
                       " lets every call through that no rule names"));
        }
        for (std::size_t i = 0; i < rules().size(); ++i)
            examine_rule(i);
        return std::move(findings_);
    }

  private:
    const std::vector<Rule>& rules() const { return study_.profile.rules; }

    void add(Complaint complaint, std::string place, std::string subject, std::string message) {
        findings_.push_back({complaint, std::move(place), std::move(subject), std::move(message)});
    }

    void examine_rule(std::size_t index) {
        const Rule& rule = rules()[index];
        const std::string place = concat("syscalls[", index, "]");
        if (contradicts_itself(rule)) {
            add(Complaint::kNeverCounts, place, {}, "includes and excludes contradict each other");
        }
        for (std::size_t i = 0; i < rule.conditions.size(); ++i) {
            if (!never_holds(rule.conditions[i])) continue;
            add(Complaint::kNeverHolds, concat(place, ".args[", i, "]"), {},
                concat("no argument satisfies ", describe(std::span(&rule.conditions[i], 1))));
        }
        std::set<std::string_view> seen;
        for (const std::string& name : rule.names) {
            if (seen.insert(name).second) {
                examine_name(index, place, name);
            } else {
                add(Complaint::kRepeated, place, name, concat("'", name, "' is named twice"));
            }
        }
    }

    void examine_name(std::size_t index, const std::string& place, const std::string& name) {
        if (!is_known_call(name)) {
            add(Complaint::kUnknownName, place, name,
                concat("no architecture has a system call '", name, "'"));
            return;
        }
        examine_overruled(index, place, name);
        examine_conditions(index, place, name);
    }

    void examine_overruled(std::size_t index, const std::string& place, const std::string& name) {
        const auto always = always_.find(name);
        if (always == always_.end() || always->second == index) return;
        if (says_the_same(rules()[index], rules()[always->second])) {
            add(Complaint::kRepeated, place, name,
                concat("syscalls[", always->second, "] says the same of '", name, "' always"));
        } else {
            add(Complaint::kOverruled, place, name,
                concat("has no effect on '", name, "': syscalls[", always->second,
                       "] decides it always"));
        }
    }

    /// Said once a call, at the first rule that counts.
    void examine_conditions(std::size_t index, const std::string& place, const std::string& name) {
        if (rules()[index].conditions.empty() || !study_.resolved.verdicts[index].counts()) return;
        const Architecture& arch = *study_.resolved.architectures.front();
        const auto number = call_number(name, arch);
        if (!number || !conditions_examined_.insert(name).second) return;
        const NamedCall call{name, *number, &arch};
        if (fate_of(study_, call).alternatives.empty()) return;
        const auto passes = [&](const Arguments& arguments) {
            return lets_through(decide(study_, call, arguments));
        };
        if (std::ranges::all_of(telling_arguments(std::span(&study_, 1), call), passes)) {
            add(Complaint::kConditionsAllowAll, place, name,
                concat("the conditions on '", name, "' together let every argument through"));
        }
    }

    const Study& study_;
    std::map<std::string_view, std::size_t> always_;
    std::set<std::string_view> conditions_examined_;
    std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> examine(const Study& study, Role role) {
    return Examination(study).run(role);
}

}  // namespace vitrine::seccomp
