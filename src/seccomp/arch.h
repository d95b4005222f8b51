// The architectures that profiles speak of, and their several names.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace vitrine::seccomp {

struct Architecture {
    const char* name;        ///< `SCMP_ARCH_X86_64`, as profiles have it.
    const char* short_name;  ///< `x86_64`: libseccomp's name, and the command line's.
    const char* go_name;     ///< `amd64`, as `includes.arches` has it; null where Go runs on none.
    /// AUDIT_ARCH_*: what a filter sees. x32 has x86-64's, and kX32Bit in its call numbers.
    std::uint32_t audit;
};

/// Set in every call number of x32.
inline constexpr std::uint32_t kX32Bit = 0x40000000;

/// Whether the architecture of this AUDIT_ARCH_* has the byte order of the machine we run on. A
/// program for one that has not must be turned (in_other_byte_order) before it is installed there.
bool has_our_byte_order(std::uint32_t audit_arch);

/// All of them.
std::span<const Architecture> architectures();

/// The one with this name, in any of the three spellings; null when there is none.
const Architecture* find_architecture(std::string_view name);

/// The one this program was built for.
const Architecture& native_architecture();

}  // namespace vitrine::seccomp
