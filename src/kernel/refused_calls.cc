#include "kernel/refused_calls.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace vitrine::kernel {

namespace {

/// A call that cannot succeed, and what the kernel says to it first of all.
struct ImpossibleCall {
    const char* name;
    long number;
    std::array<unsigned long, 6> arguments;
    int kernels_answer;
};

constexpr unsigned long kNoFd = ~0UL;
constexpr unsigned long kNoSuchFlags = 0x80000000UL;

constexpr auto kCalls = std::to_array<ImpossibleCall>({
    {"clone3", SYS_clone3, {0, 0}, EINVAL},
    {"unshare", SYS_unshare, {1}, EINVAL},
    {"setns", SYS_setns, {kNoFd, 0}, EBADF},
    {"pidfd_send_signal", SYS_pidfd_send_signal, {kNoFd, 0, 0, kNoSuchFlags}, EINVAL},
    {"close_range", SYS_close_range, {1, 0, 0}, EINVAL},
    {"openat2", SYS_openat2, {kNoFd, 0, 0, 0}, EINVAL},
    {"execveat", SYS_execveat, {kNoFd, 0, 0, 0, kNoSuchFlags}, EFAULT},
    {"memfd_create", SYS_memfd_create, {0, kNoSuchFlags}, EINVAL},
    {"mount", SYS_mount, {0, 0, 0, 0, 0}, EFAULT},
    {"umount2", SYS_umount2, {0, kNoSuchFlags}, EINVAL},
    {"open_tree", SYS_open_tree, {kNoFd, 0, kNoSuchFlags}, EINVAL},
    {"mount_setattr", SYS_mount_setattr, {kNoFd, 0, kNoSuchFlags, 0, 0}, EINVAL},
    {"fsconfig", SYS_fsconfig, {kNoFd, 0, 0, 0, 0}, EINVAL},
    {"seccomp", SYS_seccomp, {kNoSuchFlags, 0, 0}, EINVAL},
});

}  // namespace

std::vector<RefusedCall> refused_calls() {
    std::vector<RefusedCall> refused;
    for (const ImpossibleCall& call : kCalls) {
        const auto& a = call.arguments;
        errno = 0;
        const long answer = ::syscall(call.number, a[0], a[1], a[2], a[3], a[4], a[5]);
        if (answer < 0 && errno != call.kernels_answer) refused.push_back({call.name, errno});
    }
    return refused;
}

bool has_seccomp_filter() {
    constexpr int kFilterMode = 2;
    return ::prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == kFilterMode;
}

}  // namespace vitrine::kernel
