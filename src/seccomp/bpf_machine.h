// A classic-BPF interpreter over one system call: what a filter decides, without installing it.
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <cstdint>
#include <span>

namespace vitrine::seccomp {

/// Runs `program` on `call` and returns the SECCOMP_RET_* value. Throws Error on a program the
/// kernel's own checker would refuse: an unknown instruction, a jump or load out of bounds, a
/// division by zero, or a path that does not return.
std::uint32_t run_filter(std::span<const sock_filter> program, const seccomp_data& call);

/// The same, and whether it looked at an argument: if not, it says so whatever the arguments are.
struct Outcome {
    std::uint32_t value = 0;
    bool reads_arguments = false;
};
Outcome watch_filter(std::span<const sock_filter> program, const seccomp_data& call);

}  // namespace vitrine::seccomp
