#include "seccomp/diff.h"

#include <optional>

namespace vitrine::seccomp {

namespace {

Change change_between(std::uint32_t first, std::uint32_t second) {
    if (lets_through(first) == lets_through(second)) return Change::kRefused;
    return lets_through(second) ? Change::kGained : Change::kLost;
}

/// Takes one more observed difference into account.
void merge(std::optional<Difference>& found, const Difference& seen) {
    if (!found || found->change == Change::kRefused) {
        const bool is_better = !found || seen.change != Change::kRefused;
        if (is_better) found = seen;
    } else if (seen.change != Change::kRefused && seen.change != found->change) {
        found->change = Change::kExchanged;
    }
}

std::vector<Fate> fates_of(std::span<const Study> studies, const NamedCall& call) {
    std::vector<Fate> fates;
    for (const Study& study : studies)
        fates.push_back(fate_of(study, call));
    return fates;
}

std::optional<Difference> compare_call(std::span<const Study> first, std::span<const Study> second,
                                       const NamedCall& call) {
    std::optional<Difference> found;
    bool is_total = true;
    for (const std::span<const Study> side : {first, second}) {
        for (const Arguments& arguments : telling_arguments(side, call)) {
            const std::uint32_t before = decide(first, call, arguments);
            const std::uint32_t after = decide(second, call, arguments);
            if (before == after) {
                is_total = false;
                continue;
            }
            const Difference seen{.call = call,
                                  .change = change_between(before, after),
                                  .example = arguments,
                                  .first = before,
                                  .second = after};
            // A mere other errno for some arguments does not make a gain total.
            if (found && found->change != seen.change) is_total = false;
            merge(found, seen);
        }
    }
    if (!found) return found;
    found->is_total = is_total;
    found->first_fates = fates_of(first, call);
    found->second_fates = fates_of(second, call);
    return found;
}

}  // namespace

std::vector<Difference> compare(std::span<const Study> first, std::span<const Study> second,
                                const Architecture& arch) {
    std::vector<Difference> differences;
    for (const NamedCall& call : named_calls(arch)) {
        if (auto difference = compare_call(first, second, call))
            differences.push_back(std::move(*difference));
    }
    return differences;
}

}  // namespace vitrine::seccomp
