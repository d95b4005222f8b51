// Rules to a BPF program, by libseccomp.
#pragma once

#include <string>
#include <vector>

#include "seccomp/program.h"
#include "seccomp/resolve.h"

namespace vitrine::seccomp {

struct Compiled {
    Program program;
    /// Names that mean nothing on any architecture compiled for; `NAME on ARCH` where libseccomp
    /// does not know the call there, though it exists. Calls by such a name get the default.
    std::vector<std::string> skipped;
};

/// How libseccomp arranges its program.
enum class Order {
    kBinaryTree,  ///< A search: fewer steps a call.
    kPriority,    ///< Its default: one comparison after the other.
};

/// Compiles for the profile's architectures, in our own byte order (in_other_byte_order makes the
/// file for another machine): a call of any other architecture kills the process. In front stands
/// what runc puts there: a call with a number above the newest that the profile knows on its
/// architecture is ENOSYS, unless the default lets calls through. Throws Error when libseccomp
/// refuses, or does not know an architecture.
Compiled compile(const ResolvedProfile& profile, Order order = Order::kBinaryTree);

/// `2.5.4`
std::string libseccomp_version();

}  // namespace vitrine::seccomp
