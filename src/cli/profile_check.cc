// vitrine profile check: mistakes in profiles that can be read.
#include <algorithm>
#include <array>

#include "base/error.h"
#include "cli/profile_verbs.h"
#include "cli/suggest.h"
#include "seccomp/lint.h"

namespace vitrine::cli {

namespace {

using seccomp::Complaint;
using seccomp::Finding;

constexpr int kSomethingWrong = 1;

struct ComplaintName {
    Complaint complaint;
    const char* name;
};
constexpr std::array<ComplaintName, 7> kComplaints{
    {{Complaint::kAllowsEverything, "allows-everything"},
     {Complaint::kUnknownName, "unknown-name"},
     {Complaint::kNeverCounts, "never-counts"},
     {Complaint::kNeverHolds, "never-holds"},
     {Complaint::kOverruled, "overruled"},
     {Complaint::kConditionsAllowAll, "conditions-allow-all"},
     {Complaint::kRepeated, "repeated"}}};

const char* name_of(Complaint complaint) {
    return std::ranges::find(kComplaints, complaint, &ComplaintName::complaint)->name;
}

/// The call that was probably meant.
std::string suggestion(const Finding& finding, const seccomp::Architecture& arch) {
    if (finding.complaint != Complaint::kUnknownName) return {};
    std::vector<std::string> names;
    for (const seccomp::NamedCall& call : seccomp::named_calls(arch))
        names.push_back(call.name);
    return nearest(finding.subject, names);
}

void print_finding(const Finding& finding, const std::string& profile, const std::string& meant) {
    print(concat(profile, ": ", finding.place, ": ", finding.is_wrong() ? "" : "note: ",
                 finding.message, meant.empty() ? "" : concat("; did you mean '", meant, "'?"),
                 " [", name_of(finding.complaint), "]\n"));
}

/// A default that lets calls through is a mistake, unless another side of `A+B` refuses.
seccomp::Role role_of(std::span<const seccomp::Study> studies) {
    const bool some_refuse = std::ranges::any_of(studies, [](const seccomp::Study& study) {
        return !seccomp::lets_through(
            seccomp::outcome_of(study.profile.default_action, seccomp::kDefaultErrno));
    });
    return some_refuse ? seccomp::Role::kOverlay : seccomp::Role::kAlone;
}

}  // namespace

int check_profiles(const ProfileRequest& request) {
    Json all = Json::array();
    std::size_t wrong = 0;
    for (const std::string& word : request.words) {
        const std::vector<seccomp::Study> studies = study_profile(word, request.host);
        const seccomp::Role role = role_of(studies);
        for (const seccomp::Study& study : studies) {
            std::size_t wrong_here = 0;
            for (const Finding& finding : seccomp::examine(study, role)) {
                const std::string meant = suggestion(finding, *request.host.arch);
                wrong_here += finding.is_wrong() ? 1 : 0;
                all.push_back({{"profile", study.name},
                               {"rule", name_of(finding.complaint)},
                               {"place", finding.place},
                               {"call", finding.subject},
                               {"message", finding.message},
                               {"suggestion", meant},
                               {"wrong", finding.is_wrong()}});
                if (!request.is_json) print_finding(finding, study.name, meant);
            }
            wrong += wrong_here;
            if (!request.is_json) {
                print(concat(study.name, ": ",
                             wrong_here == 0 ? "nothing wrong" : concat(wrong_here, " wrong"), "; ",
                             study.skipped.size(), " names mean nothing on ",
                             request.host.arch->short_name, "\n"));
            }
        }
    }
    if (request.is_json)
        print_json(Json{{"host", to_json(request.host)}, {"findings", std::move(all)}});
    return wrong == 0 ? 0 : kSomethingWrong;
}

}  // namespace vitrine::cli
