// Whether a program decides as others do, by running them side by side.
#pragma once

#include <linux/seccomp.h>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "seccomp/profile.h"
#include "seccomp/program.h"
#include "seccomp/resolve.h"

namespace vitrine::seccomp {

/// A rule with conditions, for one call: where the arguments matter.
struct Probe {
    std::uint32_t audit_arch = 0;
    std::uint32_t number = 0;
    std::vector<Condition> conditions;
};
std::vector<Probe> probes_for(const ResolvedProfile& profile);

/// Whether find_disagreement can try them all in reasonable time. Only made-up profiles, with
/// hundreds of conditions on one call, ask for more.
bool can_be_proven(std::span<const Probe> probes);

/// A call about which they differ.
struct Disagreement {
    seccomp_data call{};
    std::uint32_t expected = 0;
    std::uint32_t found = 0;
};

/// Runs `candidate` against the stricter of what all `references` say: every call number from 0 to
/// 1023, the same with the x32 bit, and the edges of the rest; on every architecture that is known
/// and some that are not. A call that looks at its arguments is tried with every boundary of its
/// probes (of all probes, if it has none of its own): each value, its neighbours, its high half
/// set, each masked bit, in each of the six arguments, alone and beside arguments that satisfy the
/// conditions of each probe. The first disagreement, or nothing.
std::optional<Disagreement> find_disagreement(std::span<const Program> references,
                                              std::span<const sock_filter> candidate,
                                              std::span<const Probe> probes);

}  // namespace vitrine::seccomp
