#include "limits/rlimits.h"

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <limits>
#include <string>

#include "base/error.h"
#include "base/units.h"

namespace vitrine::limits {

namespace {

struct Resource {
    const char* name;
    int number;
};

constexpr std::array<Resource, 15> kResources{{{"core", RLIMIT_CORE},
                                               {"cpu", RLIMIT_CPU},
                                               {"data", RLIMIT_DATA},
                                               {"fsize", RLIMIT_FSIZE},
                                               {"locks", RLIMIT_LOCKS},
                                               {"memlock", RLIMIT_MEMLOCK},
                                               {"msgqueue", RLIMIT_MSGQUEUE},
                                               {"nice", RLIMIT_NICE},
                                               {"nofile", RLIMIT_NOFILE},
                                               {"nproc", RLIMIT_NPROC},
                                               {"rss", RLIMIT_RSS},
                                               {"rtprio", RLIMIT_RTPRIO},
                                               {"rttime", RLIMIT_RTTIME},
                                               {"sigpending", RLIMIT_SIGPENDING},
                                               {"stack", RLIMIT_STACK}}};

constexpr std::uint64_t kUnlimited = RLIM_INFINITY;
constexpr std::uint64_t kOpenFiles = 256;
constexpr std::uint64_t kStackBytes = std::uint64_t{8} << 20;
constexpr std::uint64_t kLockedBytes = std::uint64_t{64} << 10;
constexpr std::uint64_t kPendingSignals = 256;
/// What an interpreter has on its heap before the program's first line: what RLIMIT_DATA counts
/// beside the job's own memory. CPython 3.11 measured, rounded up.
constexpr std::uint64_t kBaselineBytes = std::uint64_t{16} << 20;
/// Processes of ours that the kernel counts against the job's id: init.
constexpr std::uint64_t kOwnProcesses = 1;

std::string known_names() {
    std::string names;
    for (const Resource& resource : kResources) {
        names += concat(names.empty() ? "" : ", ", resource.name);
    }
    return names;
}

int number_of(std::string_view name) {
    for (const Resource& resource : kResources) {
        if (resource.name == name) return resource.number;
    }
    throw UsageError(concat("unknown resource '", name, "'"), "known are: " + known_names());
}

std::uint64_t parse_value(std::string_view text) {
    if (text == "unlimited" || text == "-1") return kUnlimited;
    return parse_integer(text, 0, std::numeric_limits<std::int64_t>::max());
}

std::uint64_t own_hard_limit(int resource) {
    rlimit own{};
    check(::getrlimit(static_cast<__rlimit_resource>(resource), &own), "reading our own limits",
          "getrlimit");
    return own.rlim_max;
}

/// Both values, lowered to what this process may pass on.
Ulimit within_ours(int resource, std::uint64_t soft, std::uint64_t hard) {
    const std::uint64_t ceiling = own_hard_limit(resource);
    return {resource, std::min(soft, ceiling), std::min(hard, ceiling)};
}

Ulimit fixed(int resource, std::uint64_t value) {
    return within_ours(resource, value, value);
}

/// The kernel warns at the soft limit (SIGXCPU) and kills at the hard one. Whole seconds, rounded
/// up: the supervisor's own clock is finer and normally first.
Ulimit cpu_limit(std::chrono::nanoseconds time) {
    const auto seconds =
        static_cast<std::uint64_t>(std::chrono::ceil<std::chrono::seconds>(time).count());
    return within_ours(RLIMIT_CPU, seconds, seconds + 1);
}

void replace(std::vector<Ulimit>& all, const Ulimit& limit) {
    const auto same = std::ranges::find(all, limit.resource, &Ulimit::resource);
    if (same == all.end()) {
        all.push_back(limit);
    } else {
        *same = limit;
    }
}

}  // namespace

Ulimit parse_ulimit(std::string_view text) {
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) {
        throw UsageError(concat("'", text, "' has no value"),
                         "limits look like nofile=64 or nofile=64:128");
    }
    const std::string_view values = text.substr(equals + 1);
    const std::size_t colon = values.find(':');
    Ulimit limit{.resource = number_of(text.substr(0, equals))};
    limit.soft = parse_value(values.substr(0, colon));
    limit.hard =
        colon == std::string_view::npos ? limit.soft : parse_value(values.substr(colon + 1));
    if (limit.soft > limit.hard) {
        throw UsageError(concat("'", text, "': the soft limit is above the hard one"),
                         "the form is NAME=SOFT[:HARD]");
    }
    if (limit.hard > own_hard_limit(limit.resource)) {
        throw UsageError(concat("'", text, "' is above the caller's own hard limit"),
                         "a limit can only be lowered; see 'ulimit -Ha'");
    }
    return limit;
}

std::uint64_t allowed_memory(const Limits& limits) {
    return limits.memory_bytes + kBaselineBytes;
}

std::vector<Ulimit> rlimits_for(const Limits& limits, Backend backend) {
    std::vector<Ulimit> all{fixed(RLIMIT_NOFILE, kOpenFiles),
                            within_ours(RLIMIT_STACK, kStackBytes, kUnlimited),
                            fixed(RLIMIT_MEMLOCK, kLockedBytes),
                            fixed(RLIMIT_MSGQUEUE, 0),
                            fixed(RLIMIT_NICE, 0),
                            fixed(RLIMIT_RTPRIO, 0),
                            fixed(RLIMIT_SIGPENDING, kPendingSignals)};
    if (backend == Backend::kRlimit) {
        all.push_back(fixed(RLIMIT_DATA, allowed_memory(limits)));
        all.push_back(fixed(RLIMIT_NPROC, limits.pids + kOwnProcesses));
    }
    if (limits.cpu_time) all.push_back(cpu_limit(*limits.cpu_time));
    for (const Ulimit& limit : limits.ulimits)
        replace(all, limit);
    // 1, not 0: a core_pattern that is a pipe ignores 0 and is stopped by 1. See core(5).
    replace(all, fixed(RLIMIT_CORE, 1));
    return all;
}

}  // namespace vitrine::limits
