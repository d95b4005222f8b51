// Why a job was denied a call, and what would let it through.
#pragma once

#include <linux/seccomp.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "seccomp/fate.h"
#include "seccomp/sources.h"

namespace vitrine::seccomp {

struct Denial {
    std::string name;          ///< `mount`; `call 999` where the number has no name.
    std::string architecture;  ///< `x86_64`
    std::string rule;          ///< Of every profile that denies it: `hardened: syscalls[2]`.
    /// What it would take, one clause a profile: `CAP_SYS_ADMIN, which no job has, or …`.
    std::string allowed_by;
};

/// The profiles of a filter, read and compiled when the first question comes: nobody pays for
/// answers who asks none.
class DenialStudy {
  public:
    DenialStudy(std::vector<ProfilePart> parts, const HostFacts& host);

    /// Of a call that the filter gave `outcome`. Throws Error: a profile that is broken by now.
    Denial explain(const seccomp_data& call, std::uint32_t outcome);

  private:
    std::vector<ProfilePart> parts_;
    HostFacts host_;
    std::optional<std::vector<Study>> studies_;
};

/// The architecture that makes calls of this number with this AUDIT_ARCH_* value; null when it is
/// unknown.
const Architecture* architecture_of(const seccomp_data& call);

}  // namespace vitrine::seccomp
