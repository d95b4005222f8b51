// Two profiles, or intersections of some, by what they do: which calls get another fate.
#pragma once

#include <span>
#include <vector>

#include "seccomp/fate.h"

namespace vitrine::seccomp {

/// What becomes of a call from the first to the second.
enum class Change {
    kGained,     ///< The second lets it through where the first does not.
    kLost,       ///< The other way round.
    kExchanged,  ///< Both, with different arguments.
    kRefused,    ///< Neither lets it through, but each refuses in its own way.
};

struct Difference {
    NamedCall call;
    Change change = Change::kGained;
    bool is_total = false;          ///< Whatever the arguments.
    Arguments example{};            ///< Arguments that show it,
    std::uint32_t first = 0;        ///< what they get from the first,
    std::uint32_t second = 0;       ///< and from the second.
    std::vector<Fate> first_fates;  ///< One a profile.
    std::vector<Fate> second_fates;
};

/// Every named call of `arch` that differs for some arguments, by number. Both sides are run on
/// every boundary of their conditions.
std::vector<Difference> compare(std::span<const Study> first, std::span<const Study> second,
                                const Architecture& arch);

}  // namespace vitrine::seccomp
