// What a host says of itself that decides whether a sandbox can be made on it. Reads only.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "kernel/refused_calls.h"

namespace vitrine::runtime {

struct HostFacts {
    std::string kernel;   ///< `6.1.0-28-amd64`
    std::string libc;     ///< glibc's version: `2.36`
    std::string program;  ///< Of this Vitrine.
    std::uint32_t uid = 0;
    bool is_id_mapped = true;  ///< In the user namespace around us.
    bool is_chrooted = false;
    bool has_outer_filter = false;                      ///< A seccomp filter is on us.
    std::vector<kernel::RefusedCall> refused_calls;     ///< By that filter, or by an old kernel.
    std::map<std::string, std::uint64_t> namespaces;    ///< `user`, `net`…: the limit on them.
    std::optional<std::uint64_t> userns_clone;          ///< kernel.unprivileged_userns_clone
    std::optional<std::uint64_t> apparmor_restriction;  ///< …restrict_unprivileged_userns
    std::optional<std::uint64_t> memfd_noexec;          ///< vm.memfd_noexec
    std::string apparmor_profile;                       ///< Empty where there is none.
    std::vector<std::string> proc_masks;                ///< What is mounted below /proc.
};

/// Reads /proc and /sys below `root`: another one than "" is a recorded host, of which the files
/// tell everything but the calls, the filter, the id and the program.
HostFacts read_host_facts(const std::string& root = "");

/// The same of this host, with the calls it refuses, which are tried in a process of their own.
HostFacts look_around();

}  // namespace vitrine::runtime
