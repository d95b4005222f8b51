#include "sandbox/memfds.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>

#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "kernel/process.h"

namespace vitrine::sandbox {

namespace {

constexpr const char* kSwitch = "/proc/sys/vm/memfd_noexec";
constexpr std::string_view kRefused = "2";

/// The switch belongs to the namespace of whoever writes it, whichever /proc it is written through.
/// Runs in the supervisor's own memory: it touches none of it.
int turn_switch(void* /*unused*/) {
    const int fd = ::open(kSwitch, O_WRONLY | O_CLOEXEC);
    return fd >= 0 && ::write(fd, kRefused.data(), kRefused.size()) > 0 ? 0 : 1;
}

/// A child that borrows our memory until it ends, as vfork(2) has it: copying the page table of a
/// supervisor with a thousand jobs, for each of them, would take longer than all the rest.
bool turn_switch_in_child() {
    constexpr std::size_t kStackBytes = 16384;
    alignas(16) std::array<std::byte, kStackBytes> stack;
    const pid_t child = check(::clone(&turn_switch, stack.data() + stack.size(),
                                      CLONE_VM | CLONE_VFORK | SIGCHLD, nullptr),
                              "starting a process", "clone");
    int status = 0;
    while (::waitpid(child, &status, __WALL) < 0) {
        if (errno != EINTR) throw SystemError("waiting for a process", "waitpid");
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/// Children of the supervisor are born where they belong again, whatever happened.
class BornElsewhere {
  public:
    explicit BornElsewhere(int init_pidfd)
        : home_(static_cast<int>(check(::syscall(SYS_pidfd_open, ::getpid(), 0),
                                       "remembering the own pid namespace", "pidfd_open"))) {
        kernel::join_namespaces(init_pidfd, CLONE_NEWPID);
    }
    ~BornElsewhere() { (void)::setns(home_.get(), CLONE_NEWPID); }
    BornElsewhere(const BornElsewhere&) = delete;
    BornElsewhere& operator=(const BornElsewhere&) = delete;

  private:
    UniqueFd home_;
};

}  // namespace

bool forbid_executable_memfds(int init_pidfd) {
    if (::access(kSwitch, W_OK) != 0) return false;
    try {
        const BornElsewhere scope(init_pidfd);
        return turn_switch_in_child();
    } catch (const SystemError& error) {
        // What the kernel answers where init is dead already, as when the payload could not start:
        // why, that has said itself. (Init's end cannot be polled for before the payload is
        // reaped.)
        if (error.error_number() == ESRCH || error.error_number() == ENOMEM) return false;
        throw;
    }
}

bool has_no_executable_memfds() {
    try {
        return read_file(kSwitch, 64).starts_with(kRefused);
    } catch (const Error&) {
        return false;
    }
}

}  // namespace vitrine::sandbox
