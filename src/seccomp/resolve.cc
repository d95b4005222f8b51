#include "seccomp/resolve.h"

#include <linux/seccomp.h>
#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <set>

#include "base/error.h"

namespace vitrine::seccomp {

namespace {

bool contains(const std::vector<std::string>& list, const std::string& item) {
    return std::ranges::find(list, item) != list.end();
}

std::string text_of(const KernelVersion& version) {
    return concat(version.major, ".", version.minor);
}

std::string text_of(const std::vector<std::string>& items) {
    std::string text;
    for (const std::string& item : items)
        text += concat(text.empty() ? "" : ", ", item);
    return text;
}

/// Docker compares with Go's name of the machine it runs on.
std::string go_name(const HostFacts& host) {
    return host.arch->go_name != nullptr ? host.arch->go_name : "";
}

/// Collects rules, each meaning once.
class Collector {
  public:
    explicit Collector(ResolvedProfile& resolved) : resolved_(resolved) {}

    /// A rule of any conditions.
    void add(ResolvedRule rule) {
        if (!has_two_on_one_argument(rule.conditions)) return add_plain(rule);
        const std::vector<Condition> alternatives = std::move(rule.conditions);
        for (const Condition& condition : alternatives) {
            rule.conditions = {condition};
            add_plain(rule);
        }
    }

  private:
    using Meaning = std::tuple<std::string, Action, unsigned, std::vector<Condition>>;

    void add_plain(const ResolvedRule& rule) {
        const bool is_default =
            rule.action == resolved_.default_action &&
            (rule.action != Action::kErrno || rule.errno_value == resolved_.default_errno);
        if (is_default || !seen_.insert(Meaning(rule.meaning())).second) return;
        resolved_.rules.push_back(rule);
    }

    ResolvedProfile& resolved_;
    std::set<Meaning> seen_;
};

std::vector<const Architecture*> choose_architectures(const Profile& profile,
                                                      const HostFacts& host) {
    std::vector<const Architecture*> chosen{host.arch};
    if (host.sub_architectures == SubArchitectures::kOff) return chosen;
    const auto add = [&](const std::vector<std::string>& names) {
        for (const std::string& name : names) {
            const Architecture* arch = find_architecture(name);
            if (std::ranges::find(chosen, arch) == chosen.end()) chosen.push_back(arch);
        }
    };
    add(profile.architectures);
    for (const ArchFamily& family : profile.arch_map) {
        if (family.architecture == host.arch->name) add(family.sub_architectures);
    }
    return chosen;
}

std::vector<std::string> sorted_unique(std::vector<std::string> names) {
    std::ranges::sort(names);
    const auto repeated = std::ranges::unique(names);
    names.erase(repeated.begin(), repeated.end());
    return names;
}

}  // namespace

bool has_two_on_one_argument(std::span<const Condition> conditions) {
    std::array<int, 6> counts_per_argument{};
    return std::ranges::any_of(conditions, [&](const Condition& condition) {
        return ++counts_per_argument.at(condition.index) > 1;
    });
}

HostFacts host_facts() {
    utsname names{};
    check(::uname(&names), "asking for the kernel's version", "uname");
    HostFacts facts{.arch = &native_architecture()};
    char* rest = nullptr;
    facts.kernel.major = static_cast<unsigned>(std::strtoul(names.release, &rest, 10));
    if (*rest == '.')
        facts.kernel.minor = static_cast<unsigned>(std::strtoul(rest + 1, nullptr, 10));
    return facts;
}

Verdict judge(const Rule& rule, const HostFacts& host) {
    const Filters& in = rule.includes;
    const Filters& out = rule.excludes;
    for (const std::string& capability : in.capabilities) {
        if (!contains(host.capabilities, capability))
            return {.standing = Standing::kNeedsCapability, .what = capability};
    }
    for (const std::string& capability : out.capabilities) {
        if (contains(host.capabilities, capability))
            return {.standing = Standing::kHoldsCapability, .what = capability};
    }
    if (!in.arches.empty() && !contains(in.arches, go_name(host)))
        return {.standing = Standing::kOtherArchitecture, .what = text_of(in.arches)};
    if (contains(out.arches, go_name(host)))
        return {.standing = Standing::kNotThisArchitecture, .what = go_name(host)};
    if (in.min_kernel && host.kernel < *in.min_kernel)
        return {.standing = Standing::kNeedsNewerKernel, .what = text_of(*in.min_kernel)};
    if (out.min_kernel && host.kernel >= *out.min_kernel)
        return {.standing = Standing::kKernelTooNew, .what = text_of(*out.min_kernel)};
    return {};
}

std::string describe(const Verdict& verdict) {
    switch (verdict.standing) {
        case Standing::kCounts:
            return {};
        case Standing::kNeedsCapability:
            return concat("needs ", verdict.what);
        case Standing::kHoldsCapability:
            return concat("is for processes without ", verdict.what);
        case Standing::kOtherArchitecture:
            return concat("is for ", verdict.what);
        case Standing::kNotThisArchitecture:
            return concat("is not for ", verdict.what);
        case Standing::kNeedsNewerKernel:
            return concat("needs Linux ", verdict.what);
        case Standing::kKernelTooNew:
            return concat("is for kernels before Linux ", verdict.what);
    }
    return {};
}

ResolvedProfile resolve(const Profile& profile, const HostFacts& host) {
    ResolvedProfile resolved{.default_action = profile.default_action,
                             .default_errno = profile.default_errno.value_or(kDefaultErrno),
                             .architectures = choose_architectures(profile, host)};
    Collector collector(resolved);
    for (std::size_t i = 0; i < profile.rules.size(); ++i) {
        const Rule& rule = profile.rules[i];
        resolved.verdicts.push_back(judge(rule, host));
        if (!resolved.verdicts.back().counts()) continue;
        for (const std::string& name : rule.names) {
            resolved.known_names.push_back(name);
            collector.add({.name = name,
                           .action = rule.action,
                           .errno_value = rule.errno_value.value_or(kDefaultErrno),
                           .conditions = rule.conditions,
                           .source = i});
        }
    }
    resolved.known_names = sorted_unique(std::move(resolved.known_names));
    return resolved;
}

std::uint32_t outcome_of(Action action, unsigned errno_value) {
    switch (action) {
        case Action::kAllow:
            return SECCOMP_RET_ALLOW;
        case Action::kErrno:
            return SECCOMP_RET_ERRNO | errno_value;
        case Action::kLog:
            return SECCOMP_RET_LOG;
        case Action::kTrap:
            return SECCOMP_RET_TRAP;
        case Action::kTrace:
            return SECCOMP_RET_TRACE | errno_value;
        case Action::kKillThread:
            return SECCOMP_RET_KILL_THREAD;
        case Action::kKillProcess:
            break;
    }
    return SECCOMP_RET_KILL_PROCESS;
}

std::vector<KernelCondition> kernel_conditions(const Profile& profile, KernelVersion kernel) {
    std::vector<KernelCondition> conditions;
    for (const Rule& rule : profile.rules) {
        for (const Filters* filters : {&rule.includes, &rule.excludes}) {
            if (!filters->min_kernel) continue;
            const KernelCondition condition{*filters->min_kernel, kernel >= *filters->min_kernel};
            if (std::ranges::find(conditions, condition) == conditions.end()) {
                conditions.push_back(condition);
            }
        }
    }
    return conditions;
}

}  // namespace vitrine::seccomp
