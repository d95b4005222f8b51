#include "seccomp/guards.h"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstdint>

#include "seccomp/arch.h"
#include "seccomp/bpf_machine.h"

namespace vitrine::seccomp {

namespace {

constexpr std::uint32_t kSetId = S_ISUID | S_ISGID;
constexpr std::uint32_t kCreates = O_CREAT | (O_TMPFILE & ~O_DIRECTORY);
constexpr std::uint32_t kRefused = SECCOMP_RET_ERRNO | EPERM;
constexpr std::uint32_t kMissing = SECCOMP_RET_ERRNO | ENOSYS;

constexpr std::uint32_t kNumberOffset = offsetof(seccomp_data, nr);
/// Flags, modes and requests are 32 bits: the lower half of an argument.
constexpr std::uint32_t argument_offset(std::size_t index) {
    return static_cast<std::uint32_t>(offsetof(seccomp_data, args) + index * sizeof(std::uint64_t) +
                                      (std::endian::native == std::endian::big ? 4 : 0));
}

constexpr sock_filter load(std::uint32_t offset) {
    return {.code = BPF_LD | BPF_W | BPF_ABS, .jt = 0, .jf = 0, .k = offset};
}

constexpr sock_filter skip_if(std::uint32_t value, std::uint8_t is_equal, std::uint8_t is_other) {
    return {.code = BPF_JMP | BPF_JEQ | BPF_K, .jt = is_equal, .jf = is_other, .k = value};
}

constexpr sock_filter skip_if_any(std::uint32_t bits, std::uint8_t is_set, std::uint8_t is_clear) {
    return {.code = BPF_JMP | BPF_JSET | BPF_K, .jt = is_set, .jf = is_clear, .k = bits};
}

constexpr sock_filter answer(std::uint32_t action) {
    return {.code = BPF_RET | BPF_K, .jt = 0, .jf = 0, .k = action};
}

bool is_refused_anyway(std::span<const Program> profile, long number) {
    const seccomp_data call{.nr = static_cast<int>(number), .arch = native_architecture().audit};
    return std::ranges::any_of(profile, [&](const Program& program) {
        const Outcome outcome = watch_filter(program, call);
        return !outcome.reads_arguments &&
               (outcome.value & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO;
    });
}

/// Decides `number` by `block`, which always answers; other calls go on behind it.
void add_call(Program& program, long number, const Program& block) {
    program.push_back(
        skip_if(static_cast<std::uint32_t>(number), 0, static_cast<std::uint8_t>(block.size())));
    program.insert(program.end(), block.begin(), block.end());
}

/// No set-id bit in the mode that is argument `index`.
Program plain_mode(std::size_t index) {
    return {load(argument_offset(index)), skip_if_any(kSetId, 0, 1), answer(kRefused),
            answer(SECCOMP_RET_ALLOW)};
}

/// The same where the flags before it say that a file is made; else nobody looks at a mode.
Program plain_mode_of_new(std::size_t index) {
    Program block{load(argument_offset(index - 1)), skip_if_any(kCreates, 1, 0),
                  answer(SECCOMP_RET_ALLOW)};
    const Program mode = plain_mode(index);
    block.insert(block.end(), mode.begin(), mode.end());
    return block;
}

}  // namespace

std::vector<sock_filter> terminal_guard() {
    return {load(kNumberOffset),     skip_if(SYS_ioctl, 0, 3), load(argument_offset(1)),
            skip_if(TIOCSETD, 2, 0), skip_if(TIOCSTI, 1, 0),   answer(SECCOMP_RET_ALLOW),
            answer(kRefused)};
}

std::vector<sock_filter> set_id_guard(std::span<const Program> profile) {
    constexpr long kFchmodat2 = 452;  // Of every architecture; newer than Debian 12's headers.
    Program program{load(kNumberOffset)};
    const auto guard = [&](long number, const Program& block) {
        if (!is_refused_anyway(profile, number)) add_call(program, number, block);
    };
    guard(SYS_openat, plain_mode_of_new(3));
    guard(SYS_fchmod, plain_mode(1));
    guard(SYS_fchmodat, plain_mode(2));
    guard(kFchmodat2, plain_mode(2));
    guard(SYS_mknodat, plain_mode(2));
#ifdef SYS_open  // Newer architectures have only the calls above.
    guard(SYS_open, plain_mode_of_new(2));
    guard(SYS_creat, plain_mode(1));
    guard(SYS_chmod, plain_mode(1));
    guard(SYS_mknod, plain_mode(1));
#endif
    guard(SYS_openat2, {answer(kMissing)});
    guard(SYS_io_uring_setup, {answer(kMissing)});
    program.push_back(answer(SECCOMP_RET_ALLOW));
    return program;
}

}  // namespace vitrine::seccomp
