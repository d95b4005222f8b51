// In which order a program asks for a call's number.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "seccomp/decisions.h"

namespace vitrine::seccomp {

/// A search over the ranges of a CallTable: short, and with few steps to what is asked often.
class SearchTree {
  public:
    /// Neighbouring ranges; found when there is but one.
    struct Span {
        std::size_t first = 0;
        std::size_t last = 0;

        bool is_leaf() const { return first == last; }
    };

    /// A comparison of the call number, and where to look on.
    struct Step {
        Node::Kind kind = Node::Kind::kGreaterOrEqual;
        std::uint32_t value = 0;
        Span yes;
        Span no;
    };

    /// Borrows `ranges`. `hot_calls` should be found early.
    SearchTree(std::span<const Range> ranges, std::span<const std::uint32_t> hot_calls);

    Span root() const { return {.first = 0, .last = ranges_.size() - 1}; }
    /// What to ask of a span that is no leaf.
    Step step(const Span& span) const;

  private:
    double weight(const Span& span) const { return sums_[span.last + 1] - sums_[span.first]; }
    bool is_single_between_equals(const Span& span) const;
    void find_best_splits();
    void find_best_split(const Span& span);
    std::size_t index(const Span& span) const { return span.first * ranges_.size() + span.last; }

    std::span<const Range> ranges_;
    std::vector<double> sums_;  ///< sums_[i]: the weight of the ranges before i.
    /// For each span its cost and where its right half begins; empty when there are too many.
    std::vector<double> costs_;
    std::vector<std::size_t> splits_;
};

}  // namespace vitrine::seccomp
