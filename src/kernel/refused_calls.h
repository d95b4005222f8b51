// Which of the system calls of a launch are refused whatever they are called with: by a kernel that
// does not have them, or by a seccomp filter around this process.
#pragma once

#include <string>
#include <vector>

namespace vitrine::kernel {

struct RefusedCall {
    std::string name;
    int error_number = 0;

    bool operator==(const RefusedCall&) const = default;
};

/// Calls each of them with arguments that the kernel refuses with another errno, so that nothing
/// happens. A call that a filter lets through or refuses by its arguments is not found. A filter
/// that kills does so: to be called where a process can be spared.
std::vector<RefusedCall> refused_calls();

/// Whether a seccomp filter is on this process already.
bool has_seccomp_filter();

}  // namespace vitrine::kernel
