#include "kernel/beneath.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"

namespace vitrine::kernel {

UniqueFd open_beneath(int dir_fd, const std::string& path, int flags, unsigned mode) {
    open_how how{};
    how.flags = static_cast<unsigned>(flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    how.mode = mode;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
    return UniqueFd(
        static_cast<int>(check(::syscall(SYS_openat2, dir_fd, path.c_str(), &how, sizeof how),
                               concat("opening '", path, "'"), "openat2")));
}

}  // namespace vitrine::kernel
