// Filters that hand their decisions over: the proven program, but for what it returns.
#include "seccomp/notify.h"

#include <gtest/gtest.h>

#include <random>

#include "base/error.h"
#include "seccomp/compile.h"
#include "seccomp/filter.h"
#include "support.h"
#include "support/random_profile.h"

namespace vitrine::seccomp {
namespace {

using test::decide;
using test::denied;
using test::shipped;

Program default_program() {
    const std::vector<ProfilePart> parts{{"docker-default", shipped("docker-default")},
                                         {"hardened", shipped("hardened")}};
    return compile_filter(parts, {.arch = find_architecture("x86_64"), .kernel = {6, 12}})
        .programs.front();
}

std::uint32_t action(std::uint32_t outcome) {
    return outcome & SECCOMP_RET_ACTION_FULL;
}

bool is_same_step(const sock_filter& one, const sock_filter& other) {
    return one.code == other.code && one.jt == other.jt && one.jf == other.jf && one.k == other.k;
}

/// How many steps differ. Each that does must be a return, of a decision that is handed over.
int count_changes(const Program& proven, const Program& told, Notify what) {
    EXPECT_EQ(proven.size(), told.size());
    int changes = 0;
    for (std::size_t i = 0; i < std::min(proven.size(), told.size()); ++i) {
        if (is_same_step(proven[i], told[i])) continue;
        ++changes;
        const sock_filter expected{.code = BPF_RET | BPF_K, .jt = 0, .jf = 0, .k = proven[i].k};
        EXPECT_TRUE(is_same_step(proven[i], expected)) << i;
        EXPECT_EQ(told[i].code, BPF_RET | BPF_K) << i;
        EXPECT_EQ(told[i].k, SECCOMP_RET_USER_NOTIF) << i;
        const bool is_denial = action(proven[i].k) == SECCOMP_RET_ERRNO;
        const bool is_leave =
            action(proven[i].k) == SECCOMP_RET_ALLOW || action(proven[i].k) == SECCOMP_RET_LOG;
        EXPECT_TRUE(is_denial || (what == Notify::kAll && is_leave)) << i;
    }
    return changes;
}

TEST(Notifying, ChangesNothingButWhatIsReturned) {
    const Program proven = default_program();
    for (const Notify what : {Notify::kDenied, Notify::kAll})
        EXPECT_GT(count_changes(proven, notifying(proven, what), what), 0);
}

TEST(Notifying, ChangesNothingElseInWhateverLibseccompWrites) {
    std::mt19937_64 random(7);
    int compiled = 0;
    for (int i = 0; i < 60; ++i) {
        const std::string json =
            vitrine::test::random_profile([&](std::uint64_t below) { return random() % below; }, 5);
        try {
            const Program program =
                compile(resolve(parse_profile(json),
                                {.arch = find_architecture("x86_64"), .kernel = {6, 12}}))
                    .program;
            ++compiled;
            for (const Notify what : {Notify::kDenied, Notify::kAll})
                (void)count_changes(program, notifying(program, what), what);
        } catch (const Error&) {
            // libseccomp does not take every profile that one can write.
        }
    }
    EXPECT_GT(compiled, 20);
}

TEST(Notifying, HandsOverExactlyTheDenials) {
    const Program proven = default_program();
    const Program told = notifying(proven, Notify::kDenied);
    int denials = 0;
    for (std::uint32_t number = 0; number < 1200; ++number) {
        for (const std::uint64_t argument : {0UL, 1UL, 8UL, 38UL, 40UL, 0x10000000UL, ~0UL}) {
            const std::uint32_t before = decide(proven, number, {argument, argument});
            const std::uint32_t after = decide(told, number, {argument, argument});
            const bool is_denied = action(before) == SECCOMP_RET_ERRNO;
            denials += is_denied ? 1 : 0;
            EXPECT_EQ(after, is_denied ? SECCOMP_RET_USER_NOTIF : before) << number;
        }
    }
    EXPECT_GT(denials, 1000);
}

TEST(Notifying, LeavesWhatEndsAProcessToTheKernel) {
    const Program program{BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
                          BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_THREAD),
                          BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
                          BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE | 3)};
    EXPECT_EQ(count_changes(program, notifying(program, Notify::kAll), Notify::kAll), 0);
}

TEST(Notifying, TakesNoProgramThatComputesItsAnswer) {
    const Program program{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), BPF_STMT(BPF_RET | BPF_A, 0)};
    EXPECT_THROW((void)notifying(program, Notify::kDenied), Error);
}

}  // namespace
}  // namespace vitrine::seccomp
