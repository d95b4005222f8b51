// Landlock: a filesystem fence a process puts around itself, behind the mounts. landlock(7).
#pragma once

#include <string>
#include <vector>

namespace vitrine::kernel {

/// What stays possible inside the fence. Paths are files or directories as the process sees them;
/// a rule holds for all below it, whatever is mounted there.
struct Fence {
    std::vector<std::string> readable;   ///< Content of files; names can be listed everywhere.
    std::vector<std::string> writable;   ///< Everything but devices and execution; also readable.
    std::vector<std::string> devices;    ///< Readable and writable, nothing made or removed there.
    std::vector<std::string> programs;   ///< May be executed, as far as mounts and modes allow it.
    std::vector<std::string> terminals;  ///< Devices that also take ioctls.
};

/// From now on this process and its children may do what `fence` says, and execute nothing
/// else anywhere. Other device ioctls are refused (ABI 5), abstract sockets and signals do not
/// leave the fence (ABI 6), and what is refused does not fill the host's audit log (ABI 7). Needs
/// no_new_privs. Returns the ABI that was applied, 0 when the kernel has no Landlock. Throws
/// SystemError when it has and refuses.
int fence_filesystem(const Fence& fence);

}  // namespace vitrine::kernel
