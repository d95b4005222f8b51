// vitrine profile show: the rules of a profile, or what comes of them call by call.
#include "base/error.h"
#include "cli/profile_verbs.h"
#include "seccomp/explain.h"

namespace vitrine::cli {

namespace {

using seccomp::Study;

constexpr std::size_t kNamesShown = 6;
/// Beyond every call there is, and without x32's bit.
constexpr std::uint32_t kNewestNumber = 0x3fffffff;

std::string list_names(const std::vector<std::string>& names) {
    std::string list;
    for (std::size_t i = 0; i < std::min(names.size(), kNamesShown); ++i)
        list += concat(i == 0 ? "" : " ", names[i]);
    if (names.size() > kNamesShown) list += concat(" ... (", names.size(), ")");
    return list;
}

std::string rule_action(const seccomp::Rule& rule) {
    return seccomp::describe_action(rule.action, rule.errno_value);
}

void print_rules(const Study& study) {
    print(concat(
        study.name, ": default ",
        seccomp::describe_action(study.profile.default_action, study.profile.default_errno), "\n"));
    for (std::size_t i = 0; i < study.profile.rules.size(); ++i) {
        const seccomp::Rule& rule = study.profile.rules[i];
        const seccomp::Verdict& verdict = study.resolved.verdicts[i];
        const std::string conditions = seccomp::describe(rule.conditions);
        print(concat("  ", padded(concat("syscalls[", i, "]"), 14),
                     padded(verdict.counts() ? "counts" : "left out", 10), rule_action(rule),
                     conditions.empty() ? "" : concat(" if ", conditions), ": ",
                     list_names(rule.names),
                     verdict.counts() ? "" : concat("; ", seccomp::describe(verdict)), "\n"));
    }
}

Json rules_to_json(const Study& study) {
    Json rules = Json::array();
    for (std::size_t i = 0; i < study.profile.rules.size(); ++i) {
        const seccomp::Rule& rule = study.profile.rules[i];
        const seccomp::Verdict& verdict = study.resolved.verdicts[i];
        rules.push_back({{"rule", i},
                         {"names", rule.names},
                         {"action", rule_action(rule)},
                         {"if", seccomp::describe(rule.conditions)},
                         {"counts", verdict.counts()},
                         {"why_not", seccomp::describe(verdict)},
                         {"comment", rule.comment}});
    }
    return {{"profile", study.name},
            {"default",
             seccomp::describe_action(study.profile.default_action, study.profile.default_errno)},
            {"rules", std::move(rules)},
            {"skipped", study.skipped}};
}

/// What one call gets from all the profiles.
struct Row {
    seccomp::NamedCall call;
    std::vector<seccomp::Fate> fates;  ///< One a profile.

    /// What it gets when no argument helps it.
    std::uint32_t otherwise() const {
        std::uint32_t outcome = SECCOMP_RET_ALLOW;
        for (const seccomp::Fate& fate : fates)
            outcome = seccomp::stricter(outcome, fate.otherwise);
        return outcome;
    }
    bool is_plain() const {
        for (const seccomp::Fate& fate : fates)
            if (!fate.alternatives.empty()) return false;
        return true;
    }
    /// Whether the profile is one that refuses the call, always or sometimes.
    bool is_denied_by(std::size_t profile) const {
        return !seccomp::lets_through(fates[profile].otherwise);
    }
};

std::vector<Row> make_rows(std::span<const Study> studies, const seccomp::Architecture& arch) {
    std::vector<Row> rows;
    for (seccomp::NamedCall& call : seccomp::named_calls(arch)) {
        Row row{.call = call, .fates = {}};
        for (const Study& study : studies)
            row.fates.push_back(seccomp::fate_of(study, call));
        rows.push_back(std::move(row));
    }
    return rows;
}

/// Who decided: the profiles that refuse; where none does, all.
std::string reasons(const Row& row, std::span<const Study> studies) {
    const bool any_denies = !seccomp::lets_through(row.otherwise());
    std::string text;
    for (std::size_t i = 0; i < studies.size(); ++i) {
        if (any_denies && !row.is_denied_by(i)) continue;
        const seccomp::Fate& fate = row.fates[i];
        text += concat(text.empty() ? "" : "; ", studies[i].name, ": ",
                       seccomp::describe_reason(fate.basis, fate.rule, fate));
    }
    return text;
}

void print_row(const Row& row, std::span<const Study> studies) {
    const std::string start =
        concat(padded(std::to_string(row.call.number), 5), padded(row.call.name, 26));
    if (row.is_plain()) {
        print(concat(start, padded(seccomp::describe_outcome(row.otherwise()), 20),
                     reasons(row, studies), "\n"));
        return;
    }
    print(concat(start, "by argument\n"));
    for (std::size_t i = 0; i < studies.size(); ++i) {
        print(concat("       ", studies[i].name, ": ", describe_fate(row.fates[i]), "\n"));
    }
}

Json row_to_json(const Row& row, std::span<const Study> studies) {
    Json sides = Json::array();
    Json denied_by = Json::array();
    for (std::size_t i = 0; i < studies.size(); ++i) {
        sides.push_back(to_json(row.fates[i], studies[i].name));
        if (row.is_denied_by(i)) denied_by.push_back(studies[i].name);
    }
    return {{"name", row.call.name},
            {"number", row.call.number},
            {"outcome", row.is_plain() ? Json(seccomp::describe_outcome(row.otherwise())) : Json()},
            {"denied_by", std::move(denied_by)},
            {"profiles", std::move(sides)}};
}

/// What calls without a name get.
void print_others(const Study& study, const seccomp::Architecture& arch) {
    const seccomp::NamedCall newest{{}, kNewestNumber, &arch};
    print(concat(
        "calls not listed: ", study.name, ": ",
        seccomp::describe_action(study.resolved.default_action, study.resolved.default_errno),
        ", newer than all it names: ",
        seccomp::describe_outcome(seccomp::decide(study, newest, {})), "\n"));
}

void show_effective(const ProfileRequest& request, std::span<const Study> studies) {
    const seccomp::Architecture& arch = *request.host.arch;
    const std::vector<Row> rows = make_rows(studies, arch);
    if (request.is_json) {
        Json calls = Json::array();
        for (const Row& row : rows)
            calls.push_back(row_to_json(row, studies));
        print_json(Json{{"host", to_json(request.host)}, {"calls", std::move(calls)}});
        return;
    }
    for (const Row& row : rows)
        print_row(row, studies);
    for (const Study& study : studies)
        print_others(study, arch);
}

}  // namespace

int show_profile(const ProfileRequest& request) {
    const std::vector<Study> studies = study_profile(request.words[0], request.host);
    if (request.is_effective) {
        show_effective(request, studies);
    } else if (request.is_json) {
        Json profiles = Json::array();
        for (const Study& study : studies)
            profiles.push_back(rules_to_json(study));
        print_json(Json{{"host", to_json(request.host)}, {"profiles", std::move(profiles)}});
    } else {
        for (const Study& study : studies)
            print_rules(study);
    }
    return 0;
}

}  // namespace vitrine::cli
