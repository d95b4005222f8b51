// Pid 1 of a sandbox: it makes the sandbox around itself, then only reaps.
#pragma once

#include <sched.h>

#include <cstdint>

#include "sandbox/spec.h"

namespace vitrine::sandbox {

/// Init is born in these; the payload is born in its pid namespace.
inline constexpr std::uint64_t kBirthNamespaces = CLONE_NEWUSER | CLONE_NEWPID;
/// Made by init itself, while others work: a network namespace alone takes half a millisecond.
inline constexpr int kOwnNamespaces = CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;

struct InitFds {
    int ready_fd;     ///< Where init reports.
    int lifeline_fd;  ///< End of file: the supervisor is gone.
    int base_fd;      ///< A byte: the zygote has built the base.
};

/// The whole life of init, in a process born in kBirthNamespaces, and in the sandbox's network
/// namespace where `has_network` says so. Its mounts are a copy of the base's, once that is built.
/// Reports on `ready_fd` once, and ends when the lifeline closes.
[[noreturn]] void run_init(const SandboxSpec& spec, InitFds inherited, bool has_network = false);

/// Until the base is built, its readers see the host's files, and no byte of the rootfs is mapped.
/// Throws Error when whoever builds it is gone.
void await_base(int base_fd);

/// Waits for init's report at the other end of its `ready_fd`. Throws StepError with what kept it.
void await_init(int ready_fd);

}  // namespace vitrine::sandbox
