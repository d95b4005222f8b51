#include "seccomp/guards.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <array>

#include "seccomp/bpf_machine.h"

namespace vitrine::seccomp {
namespace {

constexpr std::uint32_t kRefused = SECCOMP_RET_ERRNO | EPERM;
constexpr std::uint32_t kMissing = SECCOMP_RET_ERRNO | ENOSYS;
constexpr std::uint32_t kAllowed = SECCOMP_RET_ALLOW;
/// The kernel does not look at the upper half of an int.
constexpr std::array kAbove{0ULL, 1ULL << 32, 0xffffffffULL << 32};

std::uint32_t answer_of(const std::vector<sock_filter>& program, long number,
                        const std::array<std::uint64_t, 4>& args) {
    return run_filter(program, {.nr = static_cast<int>(number),
                                .arch = 0,
                                .instruction_pointer = 0,
                                .args = {args[0], args[1], args[2], args[3], 0, 0}});
}

TEST(TerminalGuard, RefusesTwoRequestsWhateverIsAboveThem) {
    const auto guard = terminal_guard();
    for (const std::uint64_t above : kAbove) {
        EXPECT_EQ(answer_of(guard, SYS_ioctl, {0, above | TIOCSETD, 0, 0}), kRefused);
        EXPECT_EQ(answer_of(guard, SYS_ioctl, {0, above | TIOCSTI, 0, 0}), kRefused);
        EXPECT_EQ(answer_of(guard, SYS_ioctl, {0, above | TIOCGWINSZ, 0, 0}), kAllowed);
    }
    EXPECT_EQ(answer_of(guard, SYS_read, {0, TIOCSETD, 0, 0}), kAllowed);
}

TEST(SetIdGuard, RefusesModesThatMakeSomebodyElse) {
    const auto guard = set_id_guard();
    for (const std::uint64_t above : kAbove) {
        for (const std::uint64_t bits : {S_ISUID, S_ISGID, S_ISUID | S_ISGID}) {
            const std::uint64_t mode = above | bits | 0755;
            EXPECT_EQ(answer_of(guard, SYS_fchmod, {0, mode, 0, 0}), kRefused);
            EXPECT_EQ(answer_of(guard, SYS_fchmodat, {0, 0, mode, 0}), kRefused);
            EXPECT_EQ(answer_of(guard, 452, {0, 0, mode, 0}), kRefused);
            EXPECT_EQ(answer_of(guard, SYS_mknodat, {0, 0, mode, 0}), kRefused);
            EXPECT_EQ(answer_of(guard, SYS_openat, {0, 0, O_CREAT, mode}), kRefused);
            EXPECT_EQ(answer_of(guard, SYS_openat, {0, 0, O_TMPFILE | O_RDWR, mode}), kRefused);
        }
        const std::uint64_t plain = above | S_ISVTX | 0777;
        EXPECT_EQ(answer_of(guard, SYS_fchmod, {0, plain, 0, 0}), kAllowed);
        EXPECT_EQ(answer_of(guard, SYS_openat, {0, 0, O_CREAT, plain}), kAllowed);
    }
    // Without O_CREAT the mode is whatever was in the register.
    EXPECT_EQ(answer_of(guard, SYS_openat, {0, 0, O_RDWR | O_DIRECTORY, ~0ULL}), kAllowed);
    EXPECT_EQ(answer_of(guard, SYS_openat2, {0, 0, 0, 0}), kMissing);
    EXPECT_EQ(answer_of(guard, SYS_io_uring_setup, {0, 0, 0, 0}), kMissing);
    EXPECT_EQ(answer_of(guard, SYS_read, {~0ULL, ~0ULL, ~0ULL, ~0ULL}), kAllowed);
}

TEST(SetIdGuard, LeavesToTheProfileWhatThatRefusesAnyway) {
    // Refuses one call whatever its arguments are, and another for some.
    const Program profile{
        {.code = BPF_LD | BPF_W | BPF_ABS, .jt = 0, .jf = 0, .k = offsetof(seccomp_data, nr)},
        {.code = BPF_JMP | BPF_JEQ | BPF_K, .jt = 3, .jf = 0, .k = SYS_io_uring_setup},
        {.code = BPF_JMP | BPF_JEQ | BPF_K, .jt = 0, .jf = 3, .k = SYS_openat2},
        {.code = BPF_LD | BPF_W | BPF_ABS, .jt = 0, .jf = 0, .k = offsetof(seccomp_data, args)},
        {.code = BPF_JMP | BPF_JEQ | BPF_K, .jt = 0, .jf = 1, .k = 0},
        {.code = BPF_RET | BPF_K, .jt = 0, .jf = 0, .k = SECCOMP_RET_ERRNO | EPERM},
        {.code = BPF_RET | BPF_K, .jt = 0, .jf = 0, .k = SECCOMP_RET_ALLOW}};
    const auto guard = set_id_guard(std::array{profile});
    EXPECT_EQ(answer_of(guard, SYS_io_uring_setup, {0, 0, 0, 0}), kAllowed);
    EXPECT_EQ(answer_of(guard, SYS_openat2, {0, 0, 0, 0}), kMissing);
    EXPECT_EQ(answer_of(guard, SYS_fchmod, {0, S_ISUID, 0, 0}), kRefused);
}

#ifdef SYS_open
TEST(SetIdGuard, KnowsTheOlderCallsToo) {
    const auto guard = set_id_guard();
    EXPECT_EQ(answer_of(guard, SYS_chmod, {0, 04755, 0, 0}), kRefused);
    EXPECT_EQ(answer_of(guard, SYS_creat, {0, 02755, 0, 0}), kRefused);
    EXPECT_EQ(answer_of(guard, SYS_mknod, {0, 04755, 0, 0}), kRefused);
    EXPECT_EQ(answer_of(guard, SYS_open, {0, O_CREAT, 04755, 0}), kRefused);
    EXPECT_EQ(answer_of(guard, SYS_open, {0, O_RDONLY, 04755, 0}), kAllowed);
    EXPECT_EQ(answer_of(guard, SYS_chmod, {0, 0755, 0, 0}), kAllowed);
}
#endif

}  // namespace
}  // namespace vitrine::seccomp
