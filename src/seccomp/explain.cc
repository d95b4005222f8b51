#include "seccomp/explain.h"

#include <algorithm>

#include "base/error.h"

namespace vitrine::seccomp {

namespace {

/// Whether a rule looks at an argument beyond the first `given`.
bool needs_more(const Fate& fate, std::size_t given) {
    return std::ranges::any_of(fate.alternatives, [&](const Alternative& alternative) {
        return std::ranges::any_of(alternative.conditions, [&](const Condition& condition) {
            return condition.index >= given;
        });
    });
}

Answer answer_of(const Study& study, const NamedCall& call, const Arguments& arguments,
                 std::size_t given) {
    Answer answer{.profile = study.name, .fate = fate_of(study, call)};
    answer.basis = answer.fate.basis;
    answer.rule = answer.fate.rule;
    if (needs_more(answer.fate, given)) return answer;
    answer.outcome = decide(study, call, arguments);
    for (const Alternative& alternative : answer.fate.alternatives) {
        if (alternative.outcome != *answer.outcome || !hold(alternative.conditions, arguments))
            continue;
        answer.basis = Basis::kRule;
        answer.rule = alternative.rule;
        break;
    }
    return answer;
}

}  // namespace

Explanation explain(std::span<const Study> studies, const NamedCall& call,
                    std::vector<std::uint64_t> arguments) {
    Arguments all{};
    std::ranges::copy(arguments, all.begin());
    Explanation explanation{.call = call, .arguments = std::move(arguments)};
    std::uint32_t outcome = SECCOMP_RET_ALLOW;
    bool is_certain = true;
    for (const Study& study : studies) {
        Answer answer = answer_of(study, call, all, explanation.arguments.size());
        if (answer.outcome) outcome = stricter(outcome, *answer.outcome);
        is_certain &= answer.outcome.has_value();
        explanation.answers.push_back(std::move(answer));
    }
    if (is_certain) explanation.outcome = outcome;
    return explanation;
}

std::string describe_reason(Basis basis, std::optional<std::size_t> rule, const Fate& fate) {
    if (rule) return concat("syscalls[", *rule, "]");
    if (basis == Basis::kNewer) return "newer than every call it names";
    std::string left_out;
    for (const LeftOut& one : fate.left_out)
        left_out += concat("; syscalls[", one.rule, "] ", one.why);
    return concat("its default", left_out);
}

}  // namespace vitrine::seccomp
