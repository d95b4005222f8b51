#include "seccomp/stats.h"

#include <algorithm>
#include <set>
#include <string>

namespace vitrine::seccomp {

Stats count_profile(std::string_view json, const Profile& profile) {
    Stats stats{.bytes = json.size(),
                .lines = static_cast<std::size_t>(std::ranges::count(json, '\n')),
                .groups = profile.rules.size(),
                .architectures = std::max(profile.arch_map.size(), profile.architectures.size())};
    if (!json.empty() && json.back() != '\n') ++stats.lines;
    std::set<std::string_view> distinct;
    for (const Rule& rule : profile.rules) {
        stats.names += rule.names.size();
        stats.conditions += rule.conditions.size();
        distinct.insert(rule.names.begin(), rule.names.end());
    }
    stats.distinct_names = distinct.size();
    return stats;
}

}  // namespace vitrine::seccomp
