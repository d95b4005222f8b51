// Processes: clone3(2), pidfds and namespaces joined through them.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "base/fd.h"

namespace vitrine::kernel {

/// What clone3(2) is asked for.
struct CloneRequest {
    /// CLONE_* flags without a stack: always a fork, never a thread.
    std::uint64_t flags = 0;
    /// The signal the parent gets; must be 0 with CLONE_PARENT.
    int exit_signal = 0;
    /// A cgroup v2 directory the child is born in, or -1. Adds CLONE_INTO_CGROUP.
    int cgroup_fd = -1;
};

/// A new process. In the child, `pid` is 0 and `pidfd` holds nothing.
struct Cloned {
    pid_t pid = 0;
    UniqueFd pidfd;
};

/// Forks by clone3(2). Safe for glibc in the child (its cached thread id is rewritten by the
/// kernel) as long as the caller is single-threaded, which every caller must be. Throws
/// SystemError in the parent.
Cloned clone_process(const CloneRequest& request);

/// Joins the namespaces `flags` (CLONE_NEW*) of the process behind `pidfd`: setns(2).
void join_namespaces(int pidfd, int flags);

/// How a process ended, as the kernel tells its parent.
struct Ended {
    bool by_signal = false;
    /// Exit code, or the signal's number.
    int code = 0;
    rusage usage{};
};

/// Waits for a child of ours, whatever its exit signal, and reaps it.
Ended wait_for(int pidfd);

/// The same at once, or nothing. An ended process can keep its parent waiting: whoever traces it
/// hears of its end first.
std::optional<Ended> try_wait_for(int pidfd);

/// A copy of descriptor `number` of the process behind `pidfd`: pidfd_getfd(2), Linux 5.6. It takes
/// the right to trace that process. Throws SystemError; EBADF: it has no such descriptor (yet).
UniqueFd take_descriptor(int pidfd, int number);

/// Whether the process behind `pidfd` ends within `patience_ms`; it is not reaped.
bool ends_within(int pidfd, int patience_ms);

/// Reaps children of ours that ended, and ended threads that made us their tracer, up to the first
/// that is known. A process that shares an ancestor with a stranger can be given both: a child by
/// CLONE_PARENT, a traced thread by PTRACE_TRACEME. False when a known one is in the way of the
/// rest.
bool reap_strangers(const std::function<bool(pid_t)>& is_known);

/// The pid of the process behind `pidfd`, as our pid namespace has it.
pid_t pid_of(int pidfd);

/// The children of all threads of process `pid`; none when it is gone or this kernel does not tell
/// (CONFIG_PROC_CHILDREN).
std::vector<pid_t> children_of(pid_t pid);

/// Sends `signal` to the process behind `pidfd`; a process that is gone already is not an error.
void send_signal(int pidfd, int signal);

/// Asks the kernel to kill this process when its parent's thread dies. Cleared by the kernel on
/// any change of ids or capabilities: call it after those.
void die_with_parent();

/// Closes every descriptor from `first` on.
void close_from(unsigned first);

}  // namespace vitrine::kernel
