#include "seccomp/terminal_guard.h"

#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstdint>

namespace vitrine::seccomp {

namespace {

constexpr std::uint32_t kNumberOffset = offsetof(seccomp_data, nr);
/// The kernel takes 32 bits of ioctl's second argument: the lower half.
constexpr std::uint32_t kRequestOffset = offsetof(seccomp_data, args) + sizeof(std::uint64_t) +
                                         (std::endian::native == std::endian::big ? 4 : 0);

constexpr sock_filter load(std::uint32_t offset) {
    return {.code = BPF_LD | BPF_W | BPF_ABS, .jt = 0, .jf = 0, .k = offset};
}

constexpr sock_filter skip_if(std::uint32_t value, std::uint8_t is_equal, std::uint8_t is_other) {
    return {.code = BPF_JMP | BPF_JEQ | BPF_K, .jt = is_equal, .jf = is_other, .k = value};
}

constexpr sock_filter answer(std::uint32_t action) {
    return {.code = BPF_RET | BPF_K, .jt = 0, .jf = 0, .k = action};
}

}  // namespace

std::vector<sock_filter> terminal_guard() {
    return {load(kNumberOffset),
            skip_if(SYS_ioctl, 0, 3),
            load(kRequestOffset),
            skip_if(TIOCSETD, 2, 0),
            skip_if(TIOCSTI, 1, 0),
            answer(SECCOMP_RET_ALLOW),
            answer(SECCOMP_RET_ERRNO | EPERM)};
}

}  // namespace vitrine::seccomp
