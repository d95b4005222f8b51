#include "seccomp/fate.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "base/error.h"
#include "seccomp/bpf_machine.h"
#include "seccomp/calls.h"
#include "seccomp/compile.h"

namespace vitrine::seccomp {

namespace {

/// No architecture numbers its calls higher, but for a base that is its own (mips, x32).
constexpr std::uint32_t kCallsAnArchitecture = 1024;
constexpr std::array<std::uint32_t, 5> kNumberBases{0, kX32Bit, 4000, 5000, 6000};

/// Beyond this many combinations each argument is varied alone.
constexpr std::size_t kMaxCombinations = 20000;

Study study_one(const ProfilePart& part, const HostFacts& host) {
    Study made{.name = part.name, .json = part.json, .profile = parse_profile(part.json)};
    made.resolved = resolve(made.profile, host);
    Compiled compiled = compile(made.resolved);
    made.program = std::move(compiled.program);
    made.skipped = std::move(compiled.skipped);
    return made;
}

std::string text_of(std::uint64_t value) {
    if (value < 1024) return std::to_string(value);
    std::array<char, 16> digits;
    const auto end = std::to_chars(digits.begin(), digits.end(), value, 16).ptr;
    return concat("0x", std::string_view(digits.begin(), end));
}

const char* sign_of(Operator op) {
    switch (op) {
        case Operator::kNotEqual:
            return " != ";
        case Operator::kLess:
            return " < ";
        case Operator::kLessOrEqual:
            return " <= ";
        case Operator::kGreaterOrEqual:
            return " >= ";
        case Operator::kGreater:
            return " > ";
        case Operator::kEqual:
        case Operator::kMaskedEqual:
            break;
    }
    return " == ";
}

bool holds(const Condition& condition, const Arguments& arguments) {
    const std::uint64_t argument = arguments.at(condition.index);
    switch (condition.op) {
        case Operator::kNotEqual:
            return argument != condition.value;
        case Operator::kLess:
            return argument < condition.value;
        case Operator::kLessOrEqual:
            return argument <= condition.value;
        case Operator::kEqual:
            return argument == condition.value;
        case Operator::kGreaterOrEqual:
            return argument >= condition.value;
        case Operator::kGreater:
            return argument > condition.value;
        case Operator::kMaskedEqual:
            break;
    }
    return (argument & condition.value) == condition.value_two;
}

using Values = std::set<std::uint64_t>;

void add_boundaries(Values& values, const Condition& condition) {
    values.insert({0, ~std::uint64_t{0}});
    const bool is_masked = condition.op == Operator::kMaskedEqual;
    const std::uint64_t centre = is_masked ? condition.value_two : condition.value;
    for (const std::uint64_t near : {centre - 1, centre, centre + 1})
        values.insert({near, near | std::uint64_t{1} << 32});
    for (unsigned bit = 0; is_masked && bit < 64; ++bit) {
        const std::uint64_t flag = std::uint64_t{1} << bit;
        if ((condition.value & flag) != 0) values.insert(centre ^ flag);
    }
}

std::size_t combinations(const std::array<Values, 6>& values) {
    std::size_t count = 1;
    for (const Values& of_argument : values)
        count =
            std::min(count * std::max<std::size_t>(of_argument.size(), 1), kMaxCombinations + 1);
    return count;
}

/// All combinations, or every value of every argument beside zeros when those are too many.
std::vector<Arguments> spread(const std::array<Values, 6>& values) {
    const bool all = combinations(values) <= kMaxCombinations;
    std::vector<Arguments> spread{Arguments{}};
    for (std::size_t index = 0; index < values.size(); ++index) {
        const std::size_t until = all ? spread.size() : 1;
        for (std::size_t at = 0; at < until; ++at) {
            for (const std::uint64_t value : values.at(index)) {
                Arguments next = spread[at];
                next.at(index) = value;
                if (value != 0) spread.push_back(next);
            }
        }
    }
    return spread;
}

}  // namespace

std::vector<Study> study(std::span<const ProfilePart> parts, const HostFacts& host) {
    std::vector<Study> studies;
    for (const ProfilePart& part : parts) {
        studies.push_back(with_context(concat("seccomp profile '", part.name, "'"),
                                       [&] { return study_one(part, host); }));
    }
    return studies;
}

std::vector<NamedCall> named_calls(const Architecture& arch) {
    std::vector<NamedCall> calls;
    for (const std::uint32_t base : kNumberBases) {
        for (std::uint32_t number = base; number < base + kCallsAnArchitecture; ++number) {
            std::string name = call_name(number, arch);
            if (name.empty() || (!calls.empty() && number <= calls.back().number)) continue;
            calls.push_back({std::move(name), number, &arch});
        }
    }
    std::ranges::sort(calls, {}, &NamedCall::number);
    return calls;
}

NamedCall find_call(const std::string& name_or_number, const Architecture& arch) {
    std::uint32_t number = 0;
    const char* end = name_or_number.data() + name_or_number.size();
    const auto parsed = std::from_chars(name_or_number.data(), end, number);
    if (parsed.ec == std::errc() && parsed.ptr == end) {
        return {call_name(number, arch), number, &arch};
    }
    if (const auto found = call_number(name_or_number, arch)) {
        return {name_or_number, *found, &arch};
    }
    if (is_known_call(name_or_number)) {
        throw UsageError(concat("'", name_or_number, "' is no system call of ", arch.short_name),
                         "--arch NAME asks about another architecture");
    }
    throw UsageError(concat("unknown system call '", name_or_number, "'"));
}

std::uint32_t decide(const Study& study, const NamedCall& call, const Arguments& arguments) {
    seccomp_data data{.nr = static_cast<int>(call.number),
                      .arch = call.arch->audit,
                      .instruction_pointer = 0,
                      .args = {}};
    std::ranges::copy(arguments, data.args);
    return run_filter(study.program, data);
}

std::uint32_t decide(std::span<const Study> studies, const NamedCall& call,
                     const Arguments& arguments) {
    std::uint32_t outcome = SECCOMP_RET_ALLOW;
    for (const Study& study : studies)
        outcome = stricter(outcome, decide(study, call, arguments));
    return outcome;
}

Fate fate_of(const Study& study, const NamedCall& call) {
    Fate fate;
    const std::uint32_t by_default =
        outcome_of(study.resolved.default_action, study.resolved.default_errno);
    fate.otherwise = by_default;
    for (const ResolvedRule& rule : study.resolved.rules) {
        if (rule.name != call.name) continue;
        const std::uint32_t outcome = outcome_of(rule.action, rule.errno_value);
        if (!rule.conditions.empty()) {
            fate.alternatives.push_back({rule.conditions, outcome, rule.source});
        } else if (!fate.rule) {
            fate.otherwise = outcome;
            fate.basis = Basis::kRule;
            fate.rule = rule.source;
        }
    }
    // libseccomp lets a rule without conditions swallow those with.
    if (fate.rule) fate.alternatives.clear();
    if (!fate.rule && fate.alternatives.empty()) {
        fate.otherwise = decide(study, call, {});
        if (fate.otherwise != by_default) fate.basis = Basis::kNewer;
    }
    for (std::size_t i = 0; i < study.profile.rules.size(); ++i) {
        const bool names_it = std::ranges::count(study.profile.rules[i].names, call.name) > 0;
        if (names_it && !study.resolved.verdicts[i].counts())
            fate.left_out.push_back({i, describe(study.resolved.verdicts[i])});
    }
    return fate;
}

bool lets_through(std::uint32_t outcome) {
    return outcome == SECCOMP_RET_ALLOW || outcome == SECCOMP_RET_LOG;
}

bool hold(std::span<const Condition> conditions, const Arguments& arguments) {
    return std::ranges::all_of(
        conditions, [&](const Condition& condition) { return holds(condition, arguments); });
}

std::string describe(std::span<const Condition> conditions) {
    const char* joint = has_two_on_one_argument(conditions) ? " or " : " and ";
    std::string text;
    for (const Condition& condition : conditions) {
        if (!text.empty()) text += joint;
        if (condition.op == Operator::kMaskedEqual) {
            text += concat("(arg", condition.index, " & ", text_of(condition.value),
                           ") == ", text_of(condition.value_two));
        } else {
            text += concat("arg", condition.index, sign_of(condition.op), text_of(condition.value));
        }
    }
    return text;
}

std::vector<Arguments> telling_arguments(std::span<const Study> studies, const NamedCall& call) {
    std::array<Values, 6> values;
    for (const Study& study : studies) {
        for (const Alternative& alternative : fate_of(study, call).alternatives) {
            for (const Condition& condition : alternative.conditions)
                add_boundaries(values.at(condition.index), condition);
        }
    }
    return spread(values);
}

}  // namespace vitrine::seccomp
