// Children that are told apart: ours to know, and those a job pushed upon us.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/process.h"

namespace vitrine::kernel {
namespace {

/// Ends at once; on return it waits to be reaped.
pid_t ended_child() {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(7);
    siginfo_t info{};
    EXPECT_EQ(::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);
    return child;
}

/// Makes us its tracer and stops; on return it has.
pid_t stopped_child() {
    const pid_t child = ::fork();
    if (child == 0) {
        (void)::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
        (void)::raise(SIGSTOP);
        ::_exit(0);
    }
    siginfo_t info{};
    EXPECT_EQ(::waitid(P_PID, static_cast<id_t>(child), &info, WSTOPPED | WNOWAIT), 0);
    return child;
}

bool is_still_a_child(pid_t child) {
    siginfo_t info{};
    return ::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

TEST(ReapStrangers, LeavesThoseThatAreKnown) {
    const pid_t known = ended_child();
    EXPECT_FALSE(reap_strangers([&](pid_t pid) { return pid == known; }));
    int status = 0;
    ASSERT_EQ(::waitpid(known, &status, 0), known);
    EXPECT_EQ(WEXITSTATUS(status), 7);
}

TEST(ReapStrangers, AStoppedOneIsInNobodysWay) {
    const pid_t known = stopped_child();
    const pid_t stranger = ended_child();
    EXPECT_TRUE(reap_strangers([&](pid_t pid) { return pid == known; }));
    EXPECT_FALSE(is_still_a_child(stranger));
    EXPECT_TRUE(is_still_a_child(known));
    (void)::kill(known, SIGKILL);
    EXPECT_EQ(::waitpid(known, nullptr, 0), known);
}

}  // namespace
}  // namespace vitrine::kernel
