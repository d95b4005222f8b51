// What answering calls may cost, and what is kept of them.
#include "runtime/call_listener.h"

#include <gtest/gtest.h>
#include <linux/audit.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>

#include "kernel/process.h"
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

/// One call, which is refused.
seccomp::Program refusing(std::uint32_t number, std::uint32_t outcome) {
    return {{.code = BPF_LD | BPF_W | BPF_ABS, .jt = 0, .jf = 0, .k = offsetof(seccomp_data, nr)},
            {.code = BPF_JMP | BPF_JEQ | BPF_K, .jt = 0, .jf = 1, .k = number},
            {.code = BPF_RET | BPF_K, .jt = 0, .jf = 0, .k = outcome},
            {.code = BPF_RET | BPF_K, .jt = 0, .jf = 0, .k = SECCOMP_RET_ALLOW}};
}

/// Children that are killed in the middle of a refused call, one after the other: each is one call
/// more to be heard, though nobody waits for an answer.
[[noreturn]] void kill_callers(int listener_fd, std::chrono::seconds duration) {
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    const UniqueFd listener =
        kernel::install_notifying_filter(refusing(SYS_getsid, SECCOMP_RET_USER_NOTIF));
    ::dup2(listener.get(), listener_fd);
    const auto end = std::chrono::steady_clock::now() + duration;
    while (std::chrono::steady_clock::now() < end) {
        const pid_t child = ::fork();
        if (child == 0) {
            ::syscall(SYS_getsid, 0);
            ::_exit(0);
        }
        ::usleep(1500);
        ::kill(child, SIGKILL);
        ::waitpid(child, nullptr, 0);
    }
    ::_exit(0);
}

void use_cpu(std::int64_t nanoseconds) {
    const auto used = [] {
        timespec now{};
        ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
        return now.tv_sec * kSecond + now.tv_nsec;
    };
    const std::int64_t end = used() + nanoseconds;
    while (used() < end) {
    }
}

TEST(CallListener, HearsNoMoreThanItWillAnswer) {
    constexpr int kListenerFd = 200;
    constexpr std::chrono::seconds kDuration{4};
    // An eighth of the time, at a millisecond each; what was saved up; what may wait; one turn.
    constexpr int kMostHeard = (4000 / 8) + 50 + 256 + 64;
    const pid_t job = ::fork();
    if (job == 0) kill_callers(kListenerFd, kDuration);
    const UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, job, 0)));
    EventLoop loop;
    int heard = 0;
    CallListener listener(loop, refusing(SYS_getsid, SECCOMP_RET_ERRNO | EPERM),
                          {.told =
                               [&](const seccomp_data&, std::uint32_t) {
                                   ++heard;
                                   use_cpu(1'000'000);  // As many would.
                               },
                           .on_taken = [] {},
                           .on_failed = [](const sandbox::Failure&) { FAIL(); }});
    listener.take_from(pidfd.get(), kListenerFd);
    while (!kernel::ends_within(pidfd.get(), 0))
        loop.turn(std::chrono::milliseconds(5));
    ASSERT_EQ(::waitpid(job, nullptr, 0), job);
    EXPECT_GT(heard, 20);  // Control.
    EXPECT_LT(heard, kMostHeard);
}

}  // namespace
}  // namespace vitrine::runtime
