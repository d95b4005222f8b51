#include "kernel/pidfd.h"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace vitrine::kernel {

UniqueFd open_pidfd(pid_t pid) {
    return UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

void kill_process(int pidfd) noexcept {
    (void)::syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, nullptr, 0);
}

}  // namespace vitrine::kernel
