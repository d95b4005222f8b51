#include "kernel/process.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <string_view>

#include "base/directory.h"
#include "base/error.h"
#include "base/file.h"
#include "base/words.h"

namespace vitrine::kernel {

namespace {

/// Where glibc keeps the thread id it believes in. fork(3) lets the kernel rewrite it; so must we.
std::uint64_t thread_id_address() {
    std::uint64_t address = 0;
    check(::prctl(PR_GET_TID_ADDRESS, &address, 0, 0, 0), "finding glibc's thread id",
          "prctl(PR_GET_TID_ADDRESS)");
    return address;
}

/// Empty where the process is gone, or this kernel has no such file.
std::string read_if_there(const std::string& path) {
    constexpr std::size_t kMaxBytes = std::size_t{1} << 20;
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) return {};
    try {
        return read_all(file.get(), kMaxBytes);
    } catch (const SystemError&) {
        return {};
    }
}

}  // namespace

Cloned clone_process(const CloneRequest& request) {
    int pidfd = -1;
    clone_args args{};
    args.flags = request.flags | CLONE_PIDFD | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID;
    args.pidfd = reinterpret_cast<std::uint64_t>(&pidfd);
    args.child_tid = thread_id_address();
    args.exit_signal = static_cast<std::uint64_t>(request.exit_signal);
    if (request.cgroup_fd >= 0) {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = static_cast<std::uint64_t>(request.cgroup_fd);
    }
    const auto pid = static_cast<pid_t>(
        check(::syscall(SYS_clone3, &args, sizeof args), "starting a process", "clone3"));
    if (pid == 0) return {};
    return {pid, UniqueFd(pidfd)};
}

void join_namespaces(int pidfd, int flags) {
    check(::setns(pidfd, flags), "joining the sandbox's namespaces", "setns");
}

Ended wait_for(int pidfd) {
    Ended ended;
    siginfo_t info{};
    // The raw call: waitid(3) of glibc hides the kernel's fifth argument, the resource usage.
    while (::syscall(SYS_waitid, P_PIDFD, pidfd, &info, WEXITED | __WALL, &ended.usage) < 0) {
        if (errno != EINTR) throw SystemError("waiting for a process", "waitid");
    }
    ended.by_signal = info.si_code != CLD_EXITED;
    ended.code = info.si_status;
    return ended;
}

std::optional<Ended> try_wait_for(int pidfd) {
    Ended ended;
    siginfo_t info{};
    constexpr int kOptions = WEXITED | WNOHANG | __WALL;
    check(::syscall(SYS_waitid, P_PIDFD, pidfd, &info, kOptions, &ended.usage),
          "looking for a process's end", "waitid");
    if (info.si_pid == 0) return std::nullopt;
    ended.by_signal = info.si_code != CLD_EXITED;
    ended.code = info.si_status;
    return ended;
}

UniqueFd take_descriptor(int pidfd, int number) {
    return UniqueFd(static_cast<int>(check(::syscall(SYS_pidfd_getfd, pidfd, number, 0),
                                           "taking a descriptor of the payload's", "pidfd_getfd")));
}

bool ends_within(int pidfd, int patience_ms) {
    pollfd end{pidfd, POLLIN, 0};
    return ::poll(&end, 1, patience_ms) > 0;
}

namespace {

/// waitid() tells also of stops of whom we trace, asked for or not.
bool is_end(const siginfo_t& told) {
    return told.si_code == CLD_EXITED || told.si_code == CLD_KILLED || told.si_code == CLD_DUMPED;
}

}  // namespace

bool reap_strangers(const std::function<bool(pid_t)>& is_known) {
    constexpr int kEnded = WEXITED | WNOHANG | __WALL;
    for (;;) {
        siginfo_t next{};
        if (::syscall(SYS_waitid, P_ALL, 0, &next, kEnded | WNOWAIT, nullptr) < 0) return true;
        if (next.si_pid == 0) return true;
        if (!is_end(next)) {
            // Of one that made us its tracer. It is told of until it is taken: others would wait.
            (void)::syscall(SYS_waitid, P_PID, next.si_pid, &next, WSTOPPED | WNOHANG | __WALL,
                            nullptr);
            continue;
        }
        if (is_known(next.si_pid)) return false;
        (void)::syscall(SYS_waitid, P_PID, next.si_pid, &next, kEnded, nullptr);
    }
}

pid_t pid_of(int pidfd) {
    constexpr std::string_view kKey = "Pid:";
    const std::string info = read_file(concat("/proc/self/fdinfo/", pidfd), 4096);
    const std::size_t line = info.find(kKey);
    if (line == std::string::npos) throw Error("a pidfd has no pid: is it one?");
    return static_cast<pid_t>(std::strtol(info.c_str() + line + kKey.size(), nullptr, 10));
}

std::vector<pid_t> children_of(pid_t pid) {
    std::vector<pid_t> children;
    const std::string threads = concat("/proc/", pid, "/task");
    for (const std::string& thread : names_in(threads)) {
        const std::string list = read_if_there(concat(threads, "/", thread, "/children"));
        std::string_view words = list;
        while (const auto child = parse_number(take_word(words)))
            children.push_back(static_cast<pid_t>(*child));
    }
    return children;
}

void send_signal(int pidfd, int signal) {
    if (::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0) < 0 && errno != ESRCH) {
        throw SystemError("signalling a process", "pidfd_send_signal");
    }
}

void die_with_parent() {
    check(::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0), "tying this process to its parent",
          "prctl(PR_SET_PDEATHSIG)");
}

void close_from(unsigned first) {
    check(::close_range(first, ~0U, 0), "closing descriptors", "close_range");
}

}  // namespace vitrine::kernel
