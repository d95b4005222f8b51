#include "batch/distribution.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace vitrine::batch {

namespace {

constexpr std::size_t kExactNumbers = 4096;
/// Each power of two is divided into 128 buckets; what is below 128 has one for each number.
constexpr unsigned kBits = 7;
constexpr std::uint64_t kStep = std::uint64_t{1} << kBits;
constexpr std::size_t kBuckets = (64 - kBits + 1) * kStep;

std::size_t bucket_of(std::uint64_t value) {
    if (value < kStep) return value;
    const auto shift = static_cast<unsigned>(std::bit_width(value)) - 1 - kBits;
    return (shift + 1) * kStep + (value >> shift) - kStep;
}

/// The number in the middle of a bucket.
std::uint64_t value_of(std::size_t bucket) {
    if (bucket < kStep) return bucket;
    const std::size_t shift = bucket / kStep - 1;
    const std::uint64_t low = (bucket % kStep + kStep) << shift;
    return low + (std::uint64_t{1} << shift) / 2;
}

std::uint64_t rank_of(double share, std::uint64_t count) {
    const double rank = std::ceil(share * static_cast<double>(count));
    return std::clamp<std::uint64_t>(static_cast<std::uint64_t>(rank), 1, count);
}

}  // namespace

void Distribution::add(std::uint64_t value) {
    ++count_;
    sum_ += static_cast<double>(value);
    min_ = std::min(min_, value);
    max_ = std::max(max_, value);
    if (is_exact() && exact_.size() == kExactNumbers) start_counting();
    if (is_exact()) {
        exact_.push_back(value);
    } else {
        ++buckets_[bucket_of(value)];
    }
}

void Distribution::start_counting() {
    buckets_.resize(kBuckets);
    for (const std::uint64_t value : exact_)
        ++buckets_[bucket_of(value)];
    exact_ = {};
}

std::uint64_t Distribution::quantile(double share) const {
    if (count_ == 0) return 0;
    std::uint64_t rank = rank_of(share, count_);
    if (is_exact()) {
        std::vector<std::uint64_t> sorted = exact_;
        const auto nth = sorted.begin() + static_cast<std::ptrdiff_t>(rank - 1);
        std::ranges::nth_element(sorted, nth);
        return *nth;
    }
    // The first and the last are known.
    if (rank == count_) return max_;
    std::size_t bucket = 0;
    while (buckets_[bucket] < rank)
        rank -= buckets_[bucket++];
    return std::clamp(value_of(bucket), min_, max_);
}

template <typename Visit>
void Distribution::visit(Visit&& see) const {
    for (const std::uint64_t value : exact_)
        see(value, 1);
    for (std::size_t bucket = 0; bucket < buckets_.size(); ++bucket) {
        if (buckets_[bucket] > 0) see(value_of(bucket), buckets_[bucket]);
    }
}

std::vector<Distribution::Bar> Distribution::bars(std::size_t most) const {
    if (count_ == 0 || most == 0) return {};
    const double low = static_cast<double>(std::max<std::uint64_t>(min_, 1));
    const double high = std::max(static_cast<double>(max_), low);
    if (high == low) return {{static_cast<double>(min_), high, count_}};
    const double width = std::log(high / low) / static_cast<double>(most);
    std::vector<Bar> bars(most);
    for (std::size_t i = 0; i < most; ++i) {
        bars[i].from = low * std::exp(width * static_cast<double>(i));
        bars[i].to = low * std::exp(width * static_cast<double>(i + 1));
    }
    visit([&](std::uint64_t value, std::uint64_t count) {
        const double place = std::log(std::max(static_cast<double>(value), low) / low) / width;
        bars[std::min(static_cast<std::size_t>(place), most - 1)].count += count;
    });
    return bars;
}

}  // namespace vitrine::batch
