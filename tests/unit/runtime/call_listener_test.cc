// What answering calls may cost, and what is kept of them.
#include "runtime/call_listener.h"

#include <gtest/gtest.h>
#include <linux/audit.h>

#include "runtime/denials.h"

namespace vitrine::runtime {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

TEST(CpuBudget, LetsABurstThroughAndThenOnlyAShare) {
    CpuBudget budget;
    std::int64_t now = 5 * kSecond;
    EXPECT_EQ(budget.wait_ns(now), 0);
    // Spends whatever it may for ten seconds, 10 us at a time.
    std::int64_t spent = 0;
    const std::int64_t end = now + 10 * kSecond;
    while (now < end) {
        if (const std::int64_t wait = budget.wait_ns(now); wait > 0) {
            now += wait;
            continue;
        }
        budget.spend(10'000, now);
        spent += 10'000;
        now += 10'000;
    }
    EXPECT_LT(spent, 10 * kSecond / 7);
    EXPECT_GT(spent, 10 * kSecond / 10);
}

TEST(CpuBudget, SavesNoMoreThanABurst) {
    CpuBudget budget;
    budget.spend(0, kSecond);
    budget.spend(kSecond / 10, 1000 * kSecond);
    EXPECT_GT(budget.wait_ns(1000 * kSecond), 0);
}

seccomp_data call_of(int number, std::uint64_t argument = 0) {
    return {.nr = number, .arch = AUDIT_ARCH_X86_64, .args = {argument}};
}

seccomp::DenialStudy study() {
    return {{{"docker-default", R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": []})"}},
            {.arch = seccomp::find_architecture("x86_64"), .kernel = {6, 12}}};
}

TEST(Denials, CountKindsAndKeepTheFirstArguments) {
    Denials denials;
    EXPECT_TRUE(denials.is_empty());
    denials.note(call_of(165, 3), SECCOMP_RET_ERRNO | EPERM);
    denials.note(call_of(165, 4), SECCOMP_RET_ERRNO | EPERM);
    denials.note(call_of(165, 5), SECCOMP_RET_ERRNO | ENOSYS);
    denials.note(call_of(39), SECCOMP_RET_ALLOW);
    auto reasons = study();
    const auto told = denials.explained(reasons);
    ASSERT_EQ(told.size(), 2U);
    EXPECT_EQ(told[0].name, "mount");
    EXPECT_EQ(told[0].count, 2U);
    EXPECT_EQ(told[0].arguments.at(0), 3U);
    EXPECT_EQ(told[0].error_number, EPERM);
    EXPECT_EQ(told[1].error_number, ENOSYS);
}

TEST(Denials, DoNotGrowBeyondABound) {
    Denials denials;
    for (int number = 1000; number < 100'000; ++number)
        denials.note(call_of(number), SECCOMP_RET_ERRNO | ENOSYS);
    auto reasons = study();
    const auto told = denials.explained(reasons);
    ASSERT_EQ(told.size(), 65U);
    EXPECT_EQ(told.back().name, "others");
    EXPECT_EQ(told.back().count, 99'000U - 64U);
}

}  // namespace
}  // namespace vitrine::runtime
