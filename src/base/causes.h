// What keeps a host from running Vitrine, or from holding a job as it should.
//
// One table: `vitrine doctor`, the errors of a run and docs/troubleshooting.md take their words
// from it. Deciding which cause it is, is others' business: src/limits for cgroups, src/runtime for
// the steps of a launch.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

namespace vitrine {

enum class Cause : std::uint8_t {
    kUserNamespaceLimit,
    kUserNamespacesOff,
    kAppArmorRestriction,
    kChroot,
    kIdUnmapped,
    kUserNamespacesRefused,
    kNamespaceLimit,
    kOuterSeccomp,
    kKernelTooOld,
    kNoSeccomp,
    kAppArmorProfile,
    kProcMasked,
    kMountRefused,
    kMemfdNoexec,
    kRootfsMissing,
    kRootfsForeign,
    kRootfsDamaged,
    kRootfsPython,
    kLibcTooOld,
    kSmallMemory,
    kPreload,
    kWorkdir,
    kUlimit,
    kCgroupNone,
    kCgroupV1,
    kCgroupV1Mixed,
    kCgroupReadOnly,
    kCgroupSwitchedOff,
    kCgroupNotPassedOn,
    kCgroupLacksControllers,
    kCgroupOccupied,
    kCgroupNotDelegated,
    kCgroupNoScope,
    kCgroupNotOurs,
    kNoLandlock,
    kGroupsKept,
    kMemfdExecutable,
    kNoHostPython,
    kNoStrace,
    kPtraceForbidden,
};

enum class Weight : std::uint8_t {
    kFailure,  ///< Nothing runs.
    kCaution,  ///< Jobs run; one layer is weaker, or something else cannot be done.
};

/// One row. `{0}` and `{1}` in the texts stand for what was seen.
struct CauseText {
    Cause cause;
    const char* id;  ///< Stable, for programs: `proc-masked`.
    Weight weight;
    const char* message;
    const char* remedy;
    const char* explanation;                  ///< For docs/troubleshooting.md.
    std::array<std::string_view, 2> example;  ///< What {0} and {1} could be.
    const char* file = nullptr;               ///< The content of a file that the remedy speaks of.
};

std::span<const CauseText> all_causes();

/// A cause on this host: what to say, and what to do.
struct Advice {
    Cause cause;
    std::string message;
    std::string remedy;
    std::string file;  ///< Empty, or what the remedy wants written.
};

/// Fills the row of `cause` with what was seen.
Advice advise(Cause cause, std::initializer_list<std::string_view> seen = {});

const char* cause_id(Cause cause);
Weight weight_of(Cause cause);

/// What cannot be done for a known cause.
class CauseError : public UsageError {
  public:
    explicit CauseError(const Advice& advice)
        : UsageError(advice.message, advice.remedy), cause_(advice.cause) {}
    Cause cause() const noexcept { return cause_; }

  private:
    Cause cause_;
};

/// docs/troubleshooting.md, but for its hand-written head.
std::string causes_as_markdown();

}  // namespace vitrine
