#include "cli/doctor.h"

#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/error.h"
#include "base/fd.h"
#include "cli/host_flags.h"
#include "doctor/doctor.h"

namespace vitrine::cli {

namespace {

using doctor::Check;
using doctor::Verdict;
using Json = nlohmann::ordered_json;

constexpr const char* kExamples = R"(Examples:
  vitrine doctor
  vitrine doctor --rootfs scientific
  vitrine doctor --json | jq '.checks[] | select(.verdict != "pass")'

Every step of a launch is tried in a process that is thrown away; nothing is changed and nothing is
left. PASS: as it should be. CAUTION: jobs run, with something weaker. FAIL: nothing runs.
docs/troubleshooting.md lists every cause. Whether each layer holds: 'vitrine selftest'.
Exit codes: 0; 1 when something failed; 125 wrong usage.)";

constexpr HostVerb kVerb{
    .name = "doctor",
    .about = "Says whether programs can be run on this host, and if not, why and what to do.",
    .rootfs_help = "The rootfs to look at [the default one]",
    .examples = kExamples};

const char* word_for(Verdict verdict) {
    switch (verdict) {
        case Verdict::kPass:
            return "pass";
        case Verdict::kCaution:
            return "caution";
        case Verdict::kFail:
            break;
    }
    return "fail";
}

const char* label_for(Verdict verdict) {
    switch (verdict) {
        case Verdict::kPass:
            return "PASS   ";
        case Verdict::kCaution:
            return "CAUTION";
        case Verdict::kFail:
            break;
    }
    return "FAIL   ";
}

Json or_null(const std::string& text) {
    return text.empty() ? Json(nullptr) : Json(text);
}

std::string render_json(const std::vector<Check>& checks) {
    Json list = Json::array();
    for (const Check& check : checks) {
        list.push_back({{"name", check.name},
                        {"verdict", word_for(check.verdict)},
                        {"found", check.found},
                        {"cause", or_null(check.cause)},
                        {"remedy", or_null(check.remedy)},
                        {"file", or_null(check.file)},
                        {"notes", check.notes}});
    }
    const Json json{
        {"schema", "vitrine.doctor.v1"}, {"ok", doctor::can_run(checks)}, {"checks", list}};
    return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

/// Below the name, each line of `text` behind `label`.
std::string indented(const std::string& label, const std::string& text) {
    constexpr const char* kMargin = "         ";
    std::string all;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);)
        all += concat(kMargin, all.empty() ? label : std::string(label.size(), ' '), line, "\n");
    return all;
}

std::string render_check(const Check& check) {
    constexpr std::size_t kNameWidth = 17;
    std::string name = check.name;
    name.resize(std::max(name.size() + 1, kNameWidth), ' ');
    std::string text = concat(label_for(check.verdict), "  ", name, check.found, "\n");
    for (const std::string& note : check.notes)
        text += indented("", note);
    text += indented("remedy: ", check.remedy);
    if (!check.file.empty()) text += concat("\n", indented("    ", check.file), "\n");
    if (!check.cause.empty())
        text += indented("see:    ", concat("docs/troubleshooting.md, ", check.cause));
    return text;
}

std::string render_summary(const std::vector<Check>& checks) {
    const auto count = [&](Verdict verdict) {
        return std::ranges::count(checks, verdict, &Check::verdict);
    };
    const auto cautions = count(Verdict::kCaution);
    const std::string weaker =
        cautions == 0 ? "" : concat("; ", cautions, cautions == 1 ? " caution" : " cautions");
    if (doctor::can_run(checks)) return concat("\nPrograms can be run on this host", weaker, ".\n");
    return concat("\nNo program can be run on this host: ", count(Verdict::kFail), " failed",
                  weaker, ".\n");
}

std::string render_text(const std::vector<Check>& checks) {
    std::string text;
    for (const Check& check : checks)
        text += render_check(check);
    return text + render_summary(checks);
}

int run_doctor(const HostFlags& flags) {
    const auto checks = doctor::examine({.rootfs = flags.rootfs, .profiles = flags.profiles});
    write_all(STDOUT_FILENO, flags.is_json ? render_json(checks) : render_text(checks));
    return doctor::can_run(checks) ? 0 : 1;
}

}  // namespace

int doctor_command(std::span<const std::string> words) {
    HostFlags flags;
    return parse_host_flags(kVerb, words, flags) ? run_doctor(flags) : 0;
}

}  // namespace vitrine::cli
