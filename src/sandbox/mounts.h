// Layer 3: the trees a job sees.
//
// Two stages. The zygote builds a *base* in its own mount namespace: a small tmpfs that holds the
// sandbox's root as a skeleton of read-only binds, and beside it the host's /proc, without which
// the kernel allows no fresh one. Every sandbox then starts from a copy of that short mount
// table, adds what must be its own (/proc, /tmp), pivots, and drops the rest.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/fd.h"
#include "sandbox/spec.h"

namespace vitrine::sandbox {

/// Where the parts of the base are once it is the root.
inline constexpr const char* kBaseRoot = "/root";
inline constexpr const char* kBaseHostProc = "/proc";
/// The whole rootfs, of which the root shows most.
inline constexpr const char* kBaseRootfs = "/rootfs";

/// The job's pseudo-terminals, and the one it has.
inline constexpr const char* kTerminalDirectory = "/dev/pts";
inline constexpr const char* kTerminalPath = "/dev/pts/0";

/// Replaces the calling process's view of the filesystem by the base. `trees` holds the detached
/// mounts that the spec's fd_index values count into.
void enter_base(const SandboxSpec& spec, std::span<UniqueFd> trees);

/// Makes the sandbox's root out of the base and pivots into it: fresh /proc of the current pid
/// namespace (masked; seal_proc closes it), one tmpfs on /tmp, nothing else writable. The base is
/// gone afterwards. Needs a mount namespace copied from one that entered the base. Returns /tmp,
/// open for reading, where the spec keeps artifacts: it can be read as long as the descriptor
/// lives, also when the sandbox is gone.
UniqueFd enter_sandbox_root(const SandboxSpec& spec);

/// Both ends of a pseudo-terminal.
struct Terminal {
    UniqueFd master;
    UniqueFd slave;
};

/// Makes the sandbox's one pseudo-terminal, once its root is entered; no second one can be made.
/// The slave is kTerminalPath, and belongs to the job.
Terminal make_terminal();

/// Makes the sandbox's /proc read-only, for good: the last thing done to it.
void seal_proc();

}  // namespace vitrine::sandbox
