// A filter's listener, between two processes.
#include "kernel/seccomp.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <functional>
#include <vector>

#include "base/error.h"
#include "kernel/process.h"

namespace vitrine::kernel {
namespace {

std::vector<sock_filter> hand_over(std::uint32_t number) {
    return {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
}

/// A process whose getppid is handed over, and the end at which it is heard of.
struct Filtered {
    UniqueFd pidfd;
    std::optional<Listener> listener;
};

/// `act` gives the process's exit code.
Filtered start(const std::function<int()>& act) {
    constexpr int kListenerFd = 77;
    Filtered started;
    const pid_t child = ::fork();
    if (child == 0) {
        ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        const UniqueFd listener = install_notifying_filter(hand_over(SYS_getppid));
        ::dup2(listener.get(), kListenerFd);
        ::_exit(act());
    }
    started.pidfd = UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
    for (int tries = 0; tries < 5000 && !started.listener; ++tries) {
        try {
            started.listener.emplace(take_descriptor(started.pidfd.get(), kListenerFd));
        } catch (const SystemError& error) {
            if (error.error_number() != EBADF) break;  // It has ended.
            ::usleep(1000);
        }
    }
    return started;
}

WaitingCall hear(Listener& listener) {
    for (int tries = 0; tries < 5000; ++tries) {
        if (const auto call = listener.receive()) return *call;
        ::usleep(1000);
    }
    throw Error("no call came");
}

TEST(Listener, HearsOfACallAndDecidesWhatItReturns) {
    Filtered child = start([] {
        const long first = ::syscall(SYS_getppid);
        const int first_errno = errno;
        return first == -1 && first_errno == EXDEV && ::syscall(SYS_getppid) == 0 &&
                       ::syscall(SYS_getppid) > 0
                   ? 7
                   : 1;
    });
    ASSERT_TRUE(child.listener);
    WaitingCall call = hear(*child.listener);
    EXPECT_EQ(call.call.nr, SYS_getppid);
    EXPECT_FALSE(child.listener->is_unused());
    child.listener->answer(call.id, EXDEV);
    call = hear(*child.listener);
    child.listener->answer(call.id, 0);
    call = hear(*child.listener);
    child.listener->let_through(call.id);
    EXPECT_EQ(wait_for(child.pidfd.get()).code, 7);
    EXPECT_TRUE(child.listener->is_unused());
}

TEST(Listener, DoesNotWaitForACallNorForACallerThatIsGone) {
    Filtered child = start([] {
        ::syscall(SYS_getppid);
        return 0;
    });
    ASSERT_TRUE(child.listener);
    const WaitingCall call = hear(*child.listener);
    EXPECT_FALSE(child.listener->receive());
    send_signal(child.pidfd.get(), SIGKILL);
    EXPECT_TRUE(wait_for(child.pidfd.get()).by_signal);
    child.listener->answer(call.id, EPERM);
    EXPECT_FALSE(child.listener->receive());
}

/// A handler without SA_RESTART, as Python's: an interrupted call would fail with EINTR.
TEST(Listener, ACallThatWasHeardOfIsNotInterrupted) {
    Filtered child = start([] {
        struct sigaction action{};
        action.sa_handler = [](int) {};
        ::sigaction(SIGUSR1, &action, nullptr);
        return ::syscall(SYS_getppid) == -1 ? errno : 0;
    });
    ASSERT_TRUE(child.listener);
    const WaitingCall call = hear(*child.listener);
    send_signal(child.pidfd.get(), SIGUSR1);
    ::usleep(20'000);
    child.listener->answer(call.id, EXDEV);
    EXPECT_EQ(wait_for(child.pidfd.get()).code, EXDEV) << "before Linux 5.19 it is";
}

TEST(Listener, ThereIsOneInAStackOfFilters) {
    Filtered child = start([] {
        try {
            const UniqueFd second = install_notifying_filter(hand_over(SYS_getpgrp));
        } catch (const SystemError& error) {
            return error.error_number();
        }
        return 0;
    });
    EXPECT_EQ(wait_for(child.pidfd.get()).code, EBUSY);
}

}  // namespace
}  // namespace vitrine::kernel
