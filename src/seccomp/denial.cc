#include "seccomp/denial.h"

#include <algorithm>
#include <cerrno>

#include "base/error.h"
#include "seccomp/calls.h"
#include "seccomp/explain.h"

namespace vitrine::seccomp {

namespace {

std::string name_of(const NamedCall& call) {
    return call.name.empty() ? concat("call ", call.number) : call.name;
}

/// Conditions under which the profile lets the call through.
std::string open_conditions(const Fate& fate) {
    std::string text;
    for (const Alternative& alternative : fate.alternatives) {
        if (!lets_through(alternative.outcome)) continue;
        text += concat(text.empty() ? "" : " or ", describe(alternative.conditions));
    }
    return text;
}

/// `needs CAP_SYS_ADMIN` is what a left-out rule says of itself.
std::string missing_capabilities(const Fate& fate) {
    constexpr std::string_view kNeeds = "needs CAP_";
    std::string text;
    for (const LeftOut& left_out : fate.left_out) {
        if (!left_out.why.starts_with(kNeeds)) continue;
        const std::string capability = left_out.why.substr(kNeeds.size() - 4);
        if (text.find(capability) != std::string::npos) continue;
        text += concat(text.empty() ? "" : " or ", capability);
    }
    return text;
}

/// The conditions by which a rule refuses, where other arguments would get through.
std::string closed_conditions(const Fate& fate, const Arguments& arguments) {
    if (!lets_through(fate.otherwise)) return {};
    for (const Alternative& alternative : fate.alternatives) {
        if (!lets_through(alternative.outcome) && hold(alternative.conditions, arguments))
            return describe(alternative.conditions);
    }
    return {};
}

std::string better_profile(const Answer& answer, const NamedCall& call) {
    if (call.name.empty()) return "a profile that allows by default: the call has no name";
    const bool has_entry = answer.rule || !answer.fate.alternatives.empty();
    return has_entry ? concat("a profile whose entry for '", call.name, "' allows this")
                     : concat("a profile with an entry for '", call.name, "'");
}

std::string remedy_of(const Answer& answer, const NamedCall& call, const Arguments& arguments) {
    std::string text;
    if (const std::string open = open_conditions(answer.fate); !open.empty())
        text += concat("arguments with ", open, ", or ");
    if (const std::string closed = closed_conditions(answer.fate, arguments); !closed.empty())
        text += concat("arguments without ", closed, ", or ");
    if (const std::string capabilities = missing_capabilities(answer.fate); !capabilities.empty())
        text += concat(capabilities, ", which no job has, or ");
    return text + better_profile(answer, call);
}

/// Of several profiles each one that refuses has to be satisfied.
void add_answer(Denial& denial, const Answer& answer, const NamedCall& call,
                const Arguments& arguments, bool is_one_of_many) {
    denial.rule += concat(denial.rule.empty() ? "" : "; ", answer.profile, ": ",
                          describe_reason(answer.basis, answer.rule, answer.fate));
    denial.allowed_by += concat(denial.allowed_by.empty() ? "" : "; and ",
                                is_one_of_many ? concat(answer.profile, ": ") : "",
                                remedy_of(answer, call, arguments));
}

}  // namespace

const Architecture* architecture_of(const seccomp_data& call) {
    const bool is_x32 = (static_cast<std::uint32_t>(call.nr) & kX32Bit) != 0;
    for (const Architecture& arch : architectures()) {
        const bool has_bit = std::string_view(arch.short_name) == "x32";
        const bool may_have_bit = arch.audit == find_architecture("x32")->audit;
        if (arch.audit == call.arch && (!may_have_bit || has_bit == is_x32)) return &arch;
    }
    return nullptr;
}

DenialStudy::DenialStudy(std::vector<ProfilePart> parts, const HostFacts& host)
    : parts_(std::move(parts)), host_(host) {}

Denial DenialStudy::explain(const seccomp_data& call, std::uint32_t outcome) {
    const Architecture* arch = architecture_of(call);
    if (arch == nullptr) return {.name = concat("call ", call.nr), .architecture = "unknown"};
    const auto number = static_cast<std::uint32_t>(call.nr);
    const NamedCall named{.name = call_name(number, *arch), .number = number, .arch = arch};
    Denial denial{.name = name_of(named), .architecture = arch->short_name};
    if (!studies_) studies_ = study(parts_, host_);
    Arguments arguments{};
    std::ranges::copy(call.args, arguments.begin());
    const Explanation explanation =
        seccomp::explain(*studies_, named, {arguments.begin(), arguments.end()});
    std::vector<const Answer*> refusing;
    for (const Answer& answer : explanation.answers) {
        if (!lets_through(answer.outcome.value_or(outcome))) refusing.push_back(&answer);
    }
    for (const Answer* answer : refusing)
        add_answer(denial, *answer, named, arguments, refusing.size() > 1);
    return denial;
}

}  // namespace vitrine::seccomp
