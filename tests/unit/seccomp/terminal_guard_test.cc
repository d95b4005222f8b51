#include "seccomp/terminal_guard.h"

#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "seccomp/bpf_machine.h"

namespace vitrine::seccomp {
namespace {

std::uint32_t answer_to(int number, std::uint64_t request) {
    const auto program = terminal_guard();
    return run_filter(
        program,
        {.nr = number, .arch = 0, .instruction_pointer = 0, .args = {0, request, 0, 0, 0, 0}});
}

TEST(TerminalGuard, RefusesTwoRequestsWhateverIsAboveThem) {
    constexpr std::uint32_t kRefused = SECCOMP_RET_ERRNO | EPERM;
    for (const std::uint64_t above : {0ULL, 1ULL << 32, 0xffffffffULL << 32}) {
        EXPECT_EQ(answer_to(SYS_ioctl, above | TIOCSETD), kRefused);
        EXPECT_EQ(answer_to(SYS_ioctl, above | TIOCSTI), kRefused);
        EXPECT_EQ(answer_to(SYS_ioctl, above | TIOCGWINSZ), SECCOMP_RET_ALLOW);
    }
    EXPECT_EQ(answer_to(SYS_read, TIOCSETD), SECCOMP_RET_ALLOW);
}

}  // namespace
}  // namespace vitrine::seccomp
