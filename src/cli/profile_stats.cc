// vitrine profile stats: how large profiles are.
#include "base/error.h"
#include "cli/profile_verbs.h"
#include "seccomp/stats.h"

namespace vitrine::cli {

namespace {

Json stats_to_json(const std::string& name, const seccomp::Stats& stats) {
    return {{"profile", name},
            {"bytes", stats.bytes},
            {"lines", stats.lines},
            {"groups", stats.groups},
            {"names", stats.names},
            {"distinct_names", stats.distinct_names},
            {"conditions", stats.conditions},
            {"architectures", stats.architectures}};
}

}  // namespace

int count_profiles(const ProfileRequest& request) {
    Json all = Json::array();
    for (const std::string& word : request.words) {
        for (const seccomp::ProfilePart& part : read_profile(word)) {
            const seccomp::Profile profile =
                with_context(concat("seccomp profile '", part.name, "'"),
                             [&] { return seccomp::parse_profile(part.json); });
            const seccomp::Stats stats = seccomp::count_profile(part.json, profile);
            all.push_back(stats_to_json(part.name, stats));
            if (request.is_json) continue;
            print(concat(part.name, ": ", stats.lines, " lines, ", stats.groups, " groups, ",
                         stats.names, " names (", stats.distinct_names, " distinct), ",
                         stats.conditions, " conditions, ", stats.architectures,
                         " architectures\n"));
        }
    }
    if (request.is_json) print_json(all);
    return 0;
}

}  // namespace vitrine::cli
