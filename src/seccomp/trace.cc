#include "seccomp/trace.h"

#include <algorithm>
#include <array>
#include <bit>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/error.h"
#include "seccomp/calls.h"

namespace vitrine::seccomp {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMostWays = 64;  // Bits of CallTrace::Held.

Study study_of(const std::string& name, const std::string& json, const HostFacts& host) {
    const std::array parts{ProfilePart{.name = name, .json = json}};
    return std::move(study(parts, host).front());
}

const char* operator_name(Operator op) {
    switch (op) {
        case Operator::kNotEqual:
            return "SCMP_CMP_NE";
        case Operator::kLess:
            return "SCMP_CMP_LT";
        case Operator::kLessOrEqual:
            return "SCMP_CMP_LE";
        case Operator::kGreaterOrEqual:
            return "SCMP_CMP_GE";
        case Operator::kGreater:
            return "SCMP_CMP_GT";
        case Operator::kMaskedEqual:
            return "SCMP_CMP_MASKED_EQ";
        case Operator::kEqual:
            break;
    }
    return "SCMP_CMP_EQ";
}

Json args_of(const std::vector<Condition>& conditions) {
    Json args = Json::array();
    for (const Condition& condition : conditions) {
        Json one{{"index", condition.index}, {"value", condition.value}};
        if (condition.op == Operator::kMaskedEqual) one["valueTwo"] = condition.value_two;
        one["op"] = operator_name(condition.op);
        args.push_back(std::move(one));
    }
    return args;
}

/// What lets nothing through.
Json empty_profile(const HostFacts& host) {
    return {
        {"defaultAction", "SCMP_ACT_ERRNO"},
        {"defaultErrnoRet", kDefaultErrno},
        {"archMap",
         Json::array({{{"architecture", host.arch->name}, {"subArchitectures", Json::array()}}})},
        {"syscalls", Json::array()}};
}

/// The part of a document that is a profile: all of it, or an OCI configuration's.
Json& profile_in(Json& document) {
    return document.contains("linux") ? document["linux"]["seccomp"] : document;
}

void add_rules(Json& profile, const Json& rules) {
    Json& all = profile["syscalls"];
    if (!all.is_array()) all = Json::array();
    for (const Json& rule : rules)
        all.push_back(rule);
}

std::uint32_t action(std::uint32_t outcome) {
    return outcome & SECCOMP_RET_ACTION_FULL;
}

}  // namespace

CallTrace::CallTrace(const ProfilePart& conditions, const HostFacts& host)
    : host_(host), docker_(study_of(conditions.name, conditions.json, host)) {}

CallTrace::Seen& CallTrace::seen(std::uint32_t number) {
    const auto known = calls_.find(number);
    if (known != calls_.end()) return known->second;
    Seen made{.call = {call_name(number, *host_.arch), number, host_.arch}};
    for (Alternative& way : fate_of(docker_, made.call).alternatives) {
        if (lets_through(way.outcome) && made.ways.size() < kMostWays)
            made.ways.push_back(std::move(way));
    }
    return calls_.emplace(number, std::move(made)).first->second;
}

void CallTrace::note(const seccomp_data& data, std::uint32_t outcome) {
    if (data.arch != host_.arch->audit) return;
    Seen& call = seen(static_cast<std::uint32_t>(data.nr));
    Arguments arguments{};
    std::ranges::copy(data.args, arguments.begin());
    if (!seccomp::lets_through(outcome)) {
        if (action(outcome) == SECCOMP_RET_ERRNO) call.refused.emplace(outcome, arguments);
        return;
    }
    Held held = 0;
    for (std::size_t i = 0; i < call.ways.size(); ++i) {
        if (hold(call.ways[i].conditions, arguments)) held |= Held{1} << i;
    }
    call.let_through.emplace(held, arguments);
}

void CallTrace::need(const std::string& name) {
    if (const auto number = call_number(name, *host_.arch))
        seen(*number).let_through.emplace(Held{0}, Arguments{});
}

/// Always the way that serves most of what is still missing.
std::vector<Alternative> CallTrace::ways_needed(const Seen& seen,
                                                const std::vector<Held>& missing) {
    std::vector<Held> left = missing;
    // Docker's default would not have let it through under any condition.
    if (std::ranges::count(left, Held{0}) > 0) return {};
    std::vector<Alternative> needed;
    while (!left.empty()) {
        const auto served = [&](std::size_t way) {
            return std::ranges::count_if(left, [&](Held held) { return (held >> way & 1U) != 0; });
        };
        std::size_t best = 0;
        for (std::size_t way = 1; way < seen.ways.size(); ++way) {
            if (served(way) > served(best)) best = way;
        }
        std::erase_if(left, [&](Held held) { return (held >> best & 1U) != 0; });
        needed.push_back(seen.ways[best]);
    }
    return needed;
}

std::string CallTrace::profile(const std::string& base) const {
    Json document = base.empty() ? empty_profile(host_) : Json::parse(base);
    const Study before = study_of("base", document.dump(), host_);
    std::vector<std::string> always;
    Json under_conditions = Json::array();
    for (const auto& [number, call] : calls_) {
        std::vector<Held> missing;
        for (const auto& [held, arguments] : call.let_through) {
            if (!seccomp::lets_through(decide(before, call.call, arguments)))
                missing.push_back(held);
        }
        if (missing.empty()) continue;
        if (call.call.name.empty())
            throw Error(concat("call ", number, " has no name that a profile could let through"));
        const std::vector<Alternative> ways = ways_needed(call, missing);
        if (ways.empty()) always.push_back(call.call.name);
        for (const Alternative& way : ways) {
            under_conditions.push_back({{"names", {call.call.name}},
                                        {"action", "SCMP_ACT_ALLOW"},
                                        {"args", args_of(way.conditions)}});
        }
    }
    std::ranges::sort(always);
    Json rules = Json::array();
    if (!always.empty()) rules.push_back({{"names", always}, {"action", "SCMP_ACT_ALLOW"}});
    for (Json& rule : under_conditions)
        rules.push_back(std::move(rule));
    add_rules(profile_in(document), rules);

    // What was refused only, and would now be refused otherwise.
    const Study now = study_of("traced", document.dump(), host_);
    std::map<std::uint32_t, std::vector<std::string>> by_errno;
    for (const auto& [number, call] : calls_) {
        for (const auto& [held, arguments] : call.let_through) {
            if (seccomp::lets_through(decide(now, call.call, arguments))) continue;
            throw Error(concat("the base refuses '", call.call.name,
                               "' by an entry that cannot be added to"),
                        "take that entry out of the base, or trace without it");
        }
        if (!call.let_through.empty() || call.call.name.empty() || call.refused.empty()) continue;
        const auto& [outcome, arguments] = *call.refused.begin();
        const std::uint32_t would_get = decide(now, call.call, arguments);
        if (would_get == outcome || seccomp::lets_through(would_get)) continue;
        by_errno[outcome & SECCOMP_RET_DATA].push_back(call.call.name);
    }
    Json refusals = Json::array();
    for (auto& [error_number, names] : by_errno) {
        std::ranges::sort(names);
        refusals.push_back(
            {{"names", names}, {"action", "SCMP_ACT_ERRNO"}, {"errnoRet", error_number}});
    }
    add_rules(profile_in(document), refusals);
    return document.dump(2) + "\n";
}

std::vector<std::string> CallTrace::let_through() const {
    std::vector<std::string> names;
    for (const auto& [number, call] : calls_) {
        if (!call.let_through.empty()) names.push_back(call.call.name);
    }
    std::ranges::sort(names);
    return names;
}

std::vector<RefusedCall> CallTrace::refused() const {
    std::vector<RefusedCall> refused;
    for (const auto& [number, call] : calls_) {
        for (const auto& [outcome, arguments] : call.refused) {
            refused.push_back(
                {call.call.name.empty() ? concat("call ", number) : call.call.name, outcome});
        }
    }
    return refused;
}

}  // namespace vitrine::seccomp
