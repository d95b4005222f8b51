// The payload: from the zygote's child to a confined process that runs the program.
#pragma once

#include "sandbox/guest.h"
#include "sandbox/launch.h"
#include "sandbox/spec.h"

namespace vitrine::sandbox {

/// What a payload has from its zygote.
struct Inheritance {
    const SandboxSpec& sandbox;
    const LaunchFds& fds;
    int control_fd;     ///< The supervisor sends the payload's spec when its own part is done.
    int init_pidfd;     ///< Whose namespaces are joined.
    int init_ready_fd;  ///< Where init reports.
};

/// What a payload that parks has from its warm zygote, whose interpreter runs.
struct WarmInheritance {
    const SandboxSpec& sandbox;
    const LaunchFds& fds;
    int spec_fd;        ///< A memfd with the payload's spec, which others read too.
    int program_fd;     ///< Where the program comes, sooner or later.
    int init_pidfd;     ///< Whose namespaces are joined.
    int init_ready_fd;  ///< Where init reports.
    bool is_awaited;    ///< A job waits for it already.
};

/// Only a view, for the interpreter to find its files; the sandbox's own root is a pivot's.
void enter_rootfs();

/// The whole life of a payload that is confined before its program is known.
[[noreturn]] void run_warm_payload(const WarmInheritance& from, Guest& guest);

/// The whole life of a payload, in a process born in its sandbox's pid namespace. `base` has a byte
/// once the zygote has built the base.
[[noreturn]] void run_payload(const Inheritance& from, Pipe& base, Guest& guest);

}  // namespace vitrine::sandbox
