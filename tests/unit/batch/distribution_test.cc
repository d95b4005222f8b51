#include "batch/distribution.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "batch/ranking.h"

namespace vitrine::batch {
namespace {

/// The nearest rank: the smallest number that `share` of all do not exceed.
std::uint64_t exact_quantile(std::vector<std::uint64_t> numbers, double share) {
    std::ranges::sort(numbers);
    const auto rank =
        static_cast<std::size_t>(std::ceil(share * static_cast<double>(numbers.size())));
    return numbers[std::max<std::size_t>(rank, 1) - 1];
}

std::vector<std::uint64_t> log_normal(std::size_t count) {
    std::mt19937_64 random(7);
    std::lognormal_distribution<double> spread(9, 2);
    std::vector<std::uint64_t> numbers;
    for (std::size_t i = 0; i < count; ++i)
        numbers.push_back(static_cast<std::uint64_t>(spread(random)));
    return numbers;
}

Distribution of(const std::vector<std::uint64_t>& numbers) {
    Distribution distribution;
    for (const std::uint64_t number : numbers)
        distribution.add(number);
    return distribution;
}

constexpr std::array kShares{0.0, 0.01, 0.5, 0.9, 0.99, 0.999, 1.0};

TEST(Distribution, OfFewNumbersIsExact) {
    const auto numbers = log_normal(4096);
    const Distribution distribution = of(numbers);
    EXPECT_TRUE(distribution.is_exact());
    for (const double share : kShares)
        EXPECT_EQ(distribution.quantile(share), exact_quantile(numbers, share)) << share;
}

TEST(Distribution, OfManyNumbersIsWithinOnePercent) {
    const auto numbers = log_normal(50'000);
    const Distribution distribution = of(numbers);
    EXPECT_FALSE(distribution.is_exact());
    for (const double share : kShares) {
        const auto exact = static_cast<double>(exact_quantile(numbers, share));
        EXPECT_NEAR(static_cast<double>(distribution.quantile(share)), exact, exact * 0.01)
            << share;
    }
    EXPECT_EQ(distribution.max(), std::ranges::max(numbers));
    EXPECT_EQ(distribution.min(), std::ranges::min(numbers));
    EXPECT_EQ(distribution.quantile(1), distribution.max());
}

TEST(Distribution, TakesNumbersOfEverySize) {
    Distribution distribution;
    for (int i = 0; i < 5000; ++i)
        distribution.add(0);
    distribution.add(~std::uint64_t{0});
    EXPECT_EQ(distribution.quantile(0.5), 0U);
    EXPECT_EQ(distribution.quantile(1), ~std::uint64_t{0});
    EXPECT_EQ(Distribution().quantile(0.5), 0U);
    EXPECT_TRUE(Distribution().bars(10).empty());
}

TEST(Distribution, ItsBarsHoldEveryNumberOnce) {
    for (const std::size_t count : {1U, 2U, 1000U, 20'000U}) {
        std::uint64_t sum = 0;
        for (const auto& bar : of(log_normal(count)).bars(40))
            sum += bar.count;
        EXPECT_EQ(sum, count);
    }
    const auto one = of({5, 5, 5}).bars(40);
    ASSERT_EQ(one.size(), 1U);
    EXPECT_EQ(one[0].count, 3U);
}

TEST(Ranking, KeepsTheLargest) {
    auto numbers = log_normal(10'000);
    Ranking ranking(10);
    for (const std::uint64_t number : numbers)
        ranking.add(number, std::to_string(number));
    std::ranges::sort(numbers, std::greater{});
    const auto top = ranking.sorted();
    ASSERT_EQ(top.size(), 10U);
    for (std::size_t i = 0; i < top.size(); ++i) {
        EXPECT_EQ(top[i].value, numbers[i]);
        EXPECT_EQ(top[i].id, std::to_string(numbers[i]));
    }
}

}  // namespace
}  // namespace vitrine::batch
