#include "seccomp/search_tree.h"

#include <algorithm>
#include <limits>

namespace vitrine::seccomp {

namespace {

/// Numbers that are asked for when a filter is installed: the kernel tries each call it has, to
/// remember which of them are always allowed.
constexpr std::uint32_t kCallsOfAKernel = 512;
constexpr double kHotWeight = 32;
/// What an instruction costs by being there, in steps that are run.
constexpr double kInstructionCost = 24;
/// Above it (a made-up profile) the cubic search for the best tree gives way to plain halving.
constexpr std::size_t kMaxRanges = 256;

std::uint32_t last_of(std::span<const Range> ranges, std::size_t i) {
    return i + 1 < ranges.size() ? ranges[i + 1].first - 1 : ~std::uint32_t{0};
}

double weight_of(std::uint32_t first, std::uint32_t last, std::span<const std::uint32_t> hot) {
    double weight = 0;
    if (first < kCallsOfAKernel) weight += std::min(last, kCallsOfAKernel - 1) - first + 1;
    for (const std::uint32_t number : hot) {
        if (number >= first && number <= last) weight += kHotWeight;
    }
    return weight;
}

}  // namespace

SearchTree::SearchTree(std::span<const Range> ranges, std::span<const std::uint32_t> hot_calls)
    : ranges_(ranges), sums_{0} {
    for (std::size_t i = 0; i < ranges.size(); ++i) {
        const double weight = weight_of(ranges[i].first, last_of(ranges, i), hot_calls);
        sums_.push_back(sums_.back() + weight);
    }
    if (ranges.size() <= kMaxRanges) find_best_splits();
}

/// One call apart from its neighbours, which share a fate: one comparison tells.
bool SearchTree::is_single_between_equals(const Span& span) const {
    return span.last == span.first + 2 && ranges_[span.first].node == ranges_[span.last].node &&
           ranges_[span.first + 1].first == last_of(ranges_, span.first + 1);
}

void SearchTree::find_best_splits() {
    costs_.assign(ranges_.size() * ranges_.size(), 0);
    splits_.assign(costs_.size(), 0);
    for (std::size_t length = 1; length < ranges_.size(); ++length) {
        for (std::size_t first = 0; first + length < ranges_.size(); ++first)
            find_best_split({.first = first, .last = first + length});
    }
}

void SearchTree::find_best_split(const Span& span) {
    const double own = kInstructionCost + weight(span);
    double best = std::numeric_limits<double>::infinity();
    if (is_single_between_equals(span)) best = 0;
    for (std::size_t split = span.first + 1; split <= span.last; ++split) {
        const double halves =
            costs_[index({span.first, split - 1})] + costs_[index({split, span.last})];
        if (halves >= best) continue;
        best = halves;
        splits_[index(span)] = split;
    }
    costs_[index(span)] = own + best;
}

SearchTree::Step SearchTree::step(const Span& span) const {
    if (is_single_between_equals(span)) {
        const std::size_t single = span.first + 1;
        return {.kind = Node::Kind::kEqual,
                .value = ranges_[single].first,
                .yes = {single, single},
                .no = {span.first, span.first}};
    }
    const std::size_t split =
        splits_.empty() ? (span.first + span.last + 1) / 2 : splits_[index(span)];
    return {.kind = Node::Kind::kGreaterOrEqual,
            .value = ranges_[split].first,
            .yes = {split, span.last},
            .no = {span.first, split - 1}};
}

}  // namespace vitrine::seccomp
