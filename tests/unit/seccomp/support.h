// What the tests of this room share.
#pragma once

#include <linux/audit.h>
#include <linux/seccomp.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

#include "base/file.h"
#include "seccomp/bpf_machine.h"
#include "seccomp/program.h"

namespace vitrine::seccomp::test {

constexpr std::uint32_t kAllow = SECCOMP_RET_ALLOW;
constexpr std::uint32_t denied(std::uint32_t number) {
    return SECCOMP_RET_ERRNO | number;
}

using Arguments = std::array<std::uint64_t, 6>;

inline std::uint32_t decide(const Program& program, std::uint32_t number,
                            const Arguments& arguments = {},
                            std::uint32_t arch = AUDIT_ARCH_X86_64) {
    seccomp_data call{};
    call.nr = static_cast<int>(number);
    call.arch = arch;
    std::ranges::copy(arguments, std::begin(call.args));
    return run_filter(program, call);
}

/// The JSON of a profile that Vitrine ships.
inline std::string shipped(const std::string& name) {
    return read_file(VITRINE_SOURCE_ROOT "/profiles/" + name + ".json", std::size_t{1} << 20);
}

}  // namespace vitrine::seccomp::test
