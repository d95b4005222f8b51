// Quantiles of very many numbers in little memory.
#pragma once

#include <cstdint>
#include <vector>

namespace vitrine::batch {

/// Exact for the first few thousand numbers; from then on they are counted in buckets whose width
/// is less than 1 % of their values. Smallest, largest, count and sum stay exact.
class Distribution {
  public:
    void add(std::uint64_t value);

    std::uint64_t count() const { return count_; }
    std::uint64_t min() const { return count_ == 0 ? 0 : min_; }
    std::uint64_t max() const { return max_; }
    double sum() const { return sum_; }
    bool is_exact() const { return buckets_.empty(); }

    /// The smallest number that at least `share` (0 to 1) of all do not exceed; 0 of none.
    std::uint64_t quantile(double share) const;

    struct Bar {
        double from = 0;
        double to = 0;  ///< Exclusive, but for the last bar.
        std::uint64_t count = 0;
    };
    /// At most `most` bars from the smallest to the largest number, as wide as each other on a
    /// logarithmic scale.
    std::vector<Bar> bars(std::size_t most) const;

  private:
    void start_counting();
    template <typename Visit>
    void visit(Visit&& see) const;

    std::vector<std::uint64_t> exact_;
    std::vector<std::uint64_t> buckets_;
    std::uint64_t count_ = 0;
    std::uint64_t min_ = ~std::uint64_t{0};
    std::uint64_t max_ = 0;
    double sum_ = 0;
};

}  // namespace vitrine::batch
