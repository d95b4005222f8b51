// A profile on one host, real or imagined: which of its rules count, why, and in what form.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "seccomp/arch.h"
#include "seccomp/profile.h"

namespace vitrine::seccomp {

/// Whether the sub-architectures that the profile names are compiled for as well; a call of an
/// architecture that is not compiled for kills.
enum class SubArchitectures { kOff, kOn };

/// What rules may ask about.
struct HostFacts {
    const Architecture* arch = nullptr;
    KernelVersion kernel;
    std::vector<std::string> capabilities;  ///< Held by the process. A job holds none.
    SubArchitectures sub_architectures = SubArchitectures::kOff;
};

/// This host, for a job.
HostFacts host_facts();

/// Whether a rule counts, or the first reason why it does not.
enum class Standing {
    kCounts,
    kNeedsCapability,      ///< `includes.caps` has one that is not held.
    kHoldsCapability,      ///< `excludes.caps` has one that is held.
    kOtherArchitecture,    ///< `includes.arches` lacks this one.
    kNotThisArchitecture,  ///< `excludes.arches` has this one.
    kNeedsNewerKernel,     ///< `includes.minKernel`
    kKernelTooNew,         ///< `excludes.minKernel`
};

struct Verdict {
    Standing standing = Standing::kCounts;
    std::string what;  ///< The capability, the architecture, or the kernel version in question.

    bool counts() const { return standing == Standing::kCounts; }
};
Verdict judge(const Rule& rule, const HostFacts& host);

/// `needs CAP_SYS_ADMIN`, `is for amd64, x32`…; empty for a rule that counts.
std::string describe(const Verdict& verdict);

/// One rule for the compiler: a call, at most one condition an argument, one outcome.
struct ResolvedRule {
    std::string name;
    Action action = Action::kAllow;
    unsigned errno_value = 0;
    std::vector<Condition> conditions;
    std::size_t source = 0;  ///< The index in Profile::rules of the rule it comes from.

    /// What it says, wherever it comes from.
    auto meaning() const { return std::tie(name, action, errno_value, conditions); }
    bool operator==(const ResolvedRule& other) const { return meaning() == other.meaning(); }
};

/// Such conditions are alternatives; others must all hold.
bool has_two_on_one_argument(std::span<const Condition> conditions);

struct ResolvedProfile {
    Action default_action = Action::kErrno;
    unsigned default_errno = kDefaultErrno;
    /// The one the rules were resolved for, then the sub-architectures, if asked for.
    std::vector<const Architecture*> architectures;
    std::vector<ResolvedRule> rules;
    /// Every name in a rule that counts, sorted. A call newer than all of them is one the
    /// profile's authors could not know.
    std::vector<std::string> known_names;
    std::vector<Verdict> verdicts;  ///< One for each of Profile::rules.
};

/// Picks the rules that count and flattens them, with Docker's and runc's reading of the schema:
/// several rules for one call are alternatives; conditions on different arguments must all hold; a
/// rule with two conditions on one argument stands for one rule per condition. Rules that say what
/// the default says anyway are left out, and so are repetitions.
ResolvedProfile resolve(const Profile& profile, const HostFacts& host);

/// The SECCOMP_RET_* value of an action.
std::uint32_t outcome_of(Action action, unsigned errno_value);

/// Every kernel version the profile asks about, and whether `kernel` is as new.
struct KernelCondition {
    KernelVersion version;
    bool holds = false;

    bool operator==(const KernelCondition&) const = default;
};
std::vector<KernelCondition> kernel_conditions(const Profile& profile, KernelVersion kernel);

}  // namespace vitrine::seccomp
