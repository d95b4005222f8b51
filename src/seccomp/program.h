// A classic-BPF program, and how the outcomes of two of them compare.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <string>
#include <vector>

namespace vitrine::seccomp {

using Program = std::vector<sock_filter>;

/// Of two SECCOMP_RET_* values the one that a call gets when two filters say them: the kernel's
/// order of actions (kill before trap before errno before trace before log before allow). Of two
/// errnos ENOSYS wins, since a program that hears it falls back; of two others, `first`.
std::uint32_t stricter(std::uint32_t first, std::uint32_t second);

/// The same instructions as a machine of the other byte order has them in memory.
Program in_other_byte_order(Program program);

/// `allow`, `errno 1 (EPERM)`, `kill process`…
std::string describe_outcome(std::uint32_t outcome);

}  // namespace vitrine::seccomp
