#include "seccomp/arch.h"

#include <linux/audit.h>
#include <seccomp.h>

#include <algorithm>
#include <array>
#include <bit>

#include "base/error.h"

namespace vitrine::seccomp {

namespace {

constexpr auto kArchitectures = std::to_array<Architecture>({
    {"SCMP_ARCH_X86", "x86", "386", AUDIT_ARCH_I386},
    {"SCMP_ARCH_X86_64", "x86_64", "amd64", AUDIT_ARCH_X86_64},
    {"SCMP_ARCH_X32", "x32", "amd64p32", AUDIT_ARCH_X86_64},
    {"SCMP_ARCH_ARM", "arm", "arm", AUDIT_ARCH_ARM},
    {"SCMP_ARCH_AARCH64", "aarch64", "arm64", AUDIT_ARCH_AARCH64},
    {"SCMP_ARCH_MIPS", "mips", "mips", AUDIT_ARCH_MIPS},
    {"SCMP_ARCH_MIPS64", "mips64", "mips64", AUDIT_ARCH_MIPS64},
    {"SCMP_ARCH_MIPS64N32", "mips64n32", "mips64p32", AUDIT_ARCH_MIPS64N32},
    {"SCMP_ARCH_MIPSEL", "mipsel", "mipsle", AUDIT_ARCH_MIPSEL},
    {"SCMP_ARCH_MIPSEL64", "mipsel64", "mips64le", AUDIT_ARCH_MIPSEL64},
    {"SCMP_ARCH_MIPSEL64N32", "mipsel64n32", "mips64p32le", AUDIT_ARCH_MIPSEL64N32},
    {"SCMP_ARCH_PPC", "ppc", "ppc", AUDIT_ARCH_PPC},
    {"SCMP_ARCH_PPC64", "ppc64", "ppc64", AUDIT_ARCH_PPC64},
    {"SCMP_ARCH_PPC64LE", "ppc64le", "ppc64le", AUDIT_ARCH_PPC64LE},
    {"SCMP_ARCH_S390", "s390", "s390", AUDIT_ARCH_S390},
    {"SCMP_ARCH_S390X", "s390x", "s390x", AUDIT_ARCH_S390X},
    {"SCMP_ARCH_PARISC", "parisc", nullptr, AUDIT_ARCH_PARISC},
    {"SCMP_ARCH_PARISC64", "parisc64", nullptr, AUDIT_ARCH_PARISC64},
    {"SCMP_ARCH_RISCV64", "riscv64", "riscv64", AUDIT_ARCH_RISCV64},
    {"SCMP_ARCH_LOONGARCH64", "loongarch64", "loong64", AUDIT_ARCH_LOONGARCH64},
    {"SCMP_ARCH_M68K", "m68k", nullptr, AUDIT_ARCH_M68K},
    {"SCMP_ARCH_SH", "sh", nullptr, AUDIT_ARCH_SHEL},
    {"SCMP_ARCH_SHEB", "sheb", nullptr, AUDIT_ARCH_SH},
});

}  // namespace

bool has_our_byte_order(std::uint32_t audit_arch) {
    const bool is_little = (audit_arch & __AUDIT_ARCH_LE) != 0;
    return is_little == (std::endian::native == std::endian::little);
}

std::span<const Architecture> architectures() {
    return kArchitectures;
}

const Architecture* find_architecture(std::string_view name) {
    for (const Architecture& arch : kArchitectures) {
        if (name == arch.name || name == arch.short_name) return &arch;
        if (arch.go_name != nullptr && name == arch.go_name) return &arch;
    }
    return nullptr;
}

const Architecture& native_architecture() {
    // libseccomp's word for an architecture is the kernel's, but for x32.
    const auto found =
        std::ranges::find(kArchitectures, seccomp_arch_native(), &Architecture::audit);
    if (found == kArchitectures.end()) throw Error("libseccomp has no name for this architecture");
    return *found;
}

}  // namespace vitrine::seccomp
