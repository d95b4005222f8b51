#include "seccomp/program.h"

#include <linux/seccomp.h>

#include <bit>
#include <cerrno>

#include "base/error.h"

namespace vitrine::seccomp {

namespace {

std::int32_t rank(std::uint32_t outcome) {
    // Signed, as the kernel compares them: SECCOMP_RET_KILL_PROCESS is the lowest of all.
    return static_cast<std::int32_t>(outcome & SECCOMP_RET_ACTION_FULL);
}

}  // namespace

std::uint32_t stricter(std::uint32_t first, std::uint32_t second) {
    if (rank(first) != rank(second)) return rank(first) < rank(second) ? first : second;
    const bool second_wins = second == (SECCOMP_RET_ERRNO | ENOSYS);
    return second_wins ? second : first;
}

Program in_other_byte_order(Program program) {
    for (sock_filter& step : program) {
        step.code = std::byteswap(step.code);
        step.k = std::byteswap(step.k);
    }
    return program;
}

std::string describe_outcome(std::uint32_t outcome) {
    const std::uint32_t data = outcome & SECCOMP_RET_DATA;
    switch (outcome & SECCOMP_RET_ACTION_FULL) {
        case SECCOMP_RET_ALLOW:
            return "allow";
        case SECCOMP_RET_LOG:
            return "log";
        case SECCOMP_RET_TRACE:
            return "trace";
        case SECCOMP_RET_TRAP:
            return "trap";
        case SECCOMP_RET_ERRNO:
            return concat("errno ", data, " (", errno_name(static_cast<int>(data)), ")");
        case SECCOMP_RET_KILL_THREAD:
            return "kill thread";
        default:
            return "kill process";
    }
}

}  // namespace vitrine::seccomp
