#include "sandbox/memfds.h"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "kernel/process.h"

namespace vitrine::sandbox {

namespace {

constexpr const char* kSwitch = "/proc/sys/vm/memfd_noexec";
constexpr std::string_view kRefused = "2";

/// The switch belongs to the namespace of whoever writes it, whichever /proc it is written through.
[[noreturn]] void turn_switch() {
    try {
        write_kernel_file(kSwitch, kRefused);
    } catch (const Error&) {
        ::_exit(1);
    }
    ::_exit(0);
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
        const kernel::Cloned child = kernel::clone_process({});
        if (child.pid == 0) turn_switch();
        const kernel::Ended ended = kernel::wait_for(child.pidfd.get());
        return !ended.by_signal && ended.code == 0;
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
