#include "base/causes.h"

namespace vitrine {

namespace {

constexpr const char* kAskForDelegation =
    "run it as root, or in a cgroup that is delegated to you: under systemd 'systemd-run --user "
    "--scope -p Delegate=yes -- vitrine run ...', without it a directory that root made and gave "
    "you (chown the directory, its cgroup.procs, cgroup.subtree_control and cgroup.threads)";

constexpr auto kCauses = std::to_array<CauseText>({
#include "base/causes_table.inc"
});

constexpr bool is_in_order() {
    for (std::size_t i = 0; i < kCauses.size(); ++i) {
        if (kCauses[i].cause != static_cast<Cause>(i)) return false;
    }
    return true;
}
static_assert(is_in_order());
static_assert(kCauses.size() == static_cast<std::size_t>(Cause::kPtraceForbidden) + 1);

const CauseText& text_of(Cause cause) {
    return kCauses.at(static_cast<std::size_t>(cause));
}

/// `{0}` and `{1}` become what was seen; a number nothing was seen for becomes nothing.
std::string fill(std::string_view pattern, std::span<const std::string_view> seen) {
    std::string text;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        const bool is_place = i + 2 < pattern.size() && pattern[i] == '{' &&
                              pattern[i + 2] == '}' &&
                              (pattern[i + 1] == '0' || pattern[i + 1] == '1');
        if (!is_place) {
            text.push_back(pattern[i]);
            continue;
        }
        const auto index = static_cast<std::size_t>(pattern[i + 1] - '0');
        if (index < seen.size()) text += seen[index];
        i += 2;
    }
    return text;
}

std::string section(const CauseText& row) {
    std::string text =
        concat("### ", row.id, "\n\n`", fill(row.message, row.example), "`\n\n", row.explanation,
               "\n\n**Remedy:** ", fill(row.remedy, row.example), "\n");
    if (row.file != nullptr) text += concat("\n```\n", fill(row.file, row.example), "```\n");
    return text + "\n";
}

}  // namespace

std::span<const CauseText> all_causes() {
    return kCauses;
}

Advice advise(Cause cause, std::initializer_list<std::string_view> seen) {
    const CauseText& row = text_of(cause);
    const std::span<const std::string_view> values(seen.begin(), seen.size());
    return {.cause = cause,
            .message = fill(row.message, values),
            .remedy = fill(row.remedy, values),
            .file = row.file != nullptr ? fill(row.file, values) : ""};
}

const char* cause_id(Cause cause) {
    return text_of(cause).id;
}

Weight weight_of(Cause cause) {
    return text_of(cause).weight;
}

std::string causes_as_markdown() {
    std::string failures;
    std::string cautions;
    for (const CauseText& row : kCauses)
        (row.weight == Weight::kFailure ? failures : cautions) += section(row);
    std::string all = concat("## Nothing runs\n\n", failures,
                             "## Jobs run, with something weaker or missing\n\n", cautions);
    all.pop_back();
    return all;
}

}  // namespace vitrine
