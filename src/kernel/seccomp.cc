#include "kernel/seccomp.h"

#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"

namespace vitrine::kernel {

void install_filter(std::span<const sock_filter> program) {
    const sock_fprog description{.len = static_cast<unsigned short>(program.size()),
                                 .filter = const_cast<sock_filter*>(program.data())};
    check(::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &description),
          "installing the seccomp filter", "seccomp");
}

}  // namespace vitrine::kernel
