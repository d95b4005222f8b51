// What the verbs below `vitrine profile` read and say alike.
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "cli/profile_verbs.h"
#include "runtime/host.h"
#include "seccomp/sources.h"

namespace vitrine::cli {

namespace {

const char* basis_name(seccomp::Basis basis) {
    switch (basis) {
        case seccomp::Basis::kRule:
            return "rule";
        case seccomp::Basis::kNewer:
            return "newer than the profile";
        case seccomp::Basis::kDefault:
            break;
    }
    return "default";
}

}  // namespace

std::vector<seccomp::ProfilePart> read_profile(const std::string& name) {
    return seccomp::read_parts(name, runtime::installed_files().profiles);
}

std::vector<seccomp::Study> study_profile(const std::string& name, const seccomp::HostFacts& host) {
    return seccomp::study(read_profile(name), host);
}

void print(std::string_view text) {
    try {
        write_all(STDOUT_FILENO, text);
    } catch (const SystemError& error) {
        // Whoever read us has seen enough.
        if (error.error_number() != EPIPE) throw;
    }
}

void print_json(const Json& json) {
    print(json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

std::string padded(std::string_view text, std::size_t width) {
    std::string out(text);
    out.append(text.size() < width ? width - text.size() : 1, ' ');
    return out;
}

std::string describe_fate(const seccomp::Fate& fate) {
    std::string text;
    std::optional<std::uint32_t> last;
    for (const seccomp::Alternative& alternative : fate.alternatives) {
        const std::string conditions = seccomp::describe(alternative.conditions);
        if (last == alternative.outcome) {
            text += concat(" or ", conditions);
        } else {
            text += concat(last ? ", " : "", seccomp::describe_outcome(alternative.outcome), " if ",
                           conditions);
        }
        last = alternative.outcome;
    }
    return concat(text, last ? ", else " : "", seccomp::describe_outcome(fate.otherwise));
}

Json to_json(const seccomp::Fate& fate, const std::string& profile) {
    Json alternatives = Json::array();
    for (const seccomp::Alternative& alternative : fate.alternatives) {
        alternatives.push_back({{"if", seccomp::describe(alternative.conditions)},
                                {"outcome", seccomp::describe_outcome(alternative.outcome)},
                                {"rule", alternative.rule}});
    }
    Json left_out = Json::array();
    for (const seccomp::LeftOut& one : fate.left_out)
        left_out.push_back({{"rule", one.rule}, {"why", one.why}});
    return {{"profile", profile},
            {"alternatives", std::move(alternatives)},
            {"otherwise", seccomp::describe_outcome(fate.otherwise)},
            {"because", basis_name(fate.basis)},
            {"rule", fate.rule ? Json(*fate.rule) : Json()},
            {"left_out", std::move(left_out)}};
}

Json to_json(const seccomp::HostFacts& host) {
    return {{"architecture", host.arch->short_name},
            {"kernel", concat(host.kernel.major, ".", host.kernel.minor)},
            {"capabilities", host.capabilities},
            {"compat_arch", host.sub_architectures == seccomp::SubArchitectures::kOn}};
}

}  // namespace vitrine::cli
