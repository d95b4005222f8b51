// vm.memfd_noexec: whether a program can make a memfd and execute it. A switch of the pid namespace
// (Linux 6.3), which only host root may turn.
#pragma once

namespace vitrine::sandbox {

/// Makes the pid namespace of `init_pidfd` refuse executable memfds for good. Called by a
/// supervisor that is root, before any payload exists: a short-lived child of it joins the pid
/// namespace and turns the switch. False where the kernel has none or this process may not.
bool forbid_executable_memfds(int init_pidfd);

/// Whether the calling process's pid namespace refuses them.
bool has_no_executable_memfds();

}  // namespace vitrine::sandbox
