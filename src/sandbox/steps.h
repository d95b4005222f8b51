// The steps of a launch: their names in errors and results, and how a failed one is reported.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"

namespace vitrine::sandbox {

/// Every step a process of the sandbox takes before untrusted code, in no particular order: the
/// order is that of launch.cc, init.cc and payload.cc.
enum class Step : std::uint32_t {
    kReceiveSpec,
    kStartZygote,
    kTakeIdentity,
    kExecGuest,
    kDieWithSupervisor,
    kBuildRoot,
    kStartInit,
    kEnterRootfs,
    kAwaitBase,
    kStartInterpreter,
    kWarmUp,
    kAwaitInit,
    kAwaitSupervisor,
    kForkPayload,
    kMapIds,
    kNamespaces,
    kHostname,
    kNetwork,
    kMountRoot,
    kPivotRoot,
    kDropInitPrivileges,
    kJoinNamespaces,
    kDescriptors,
    kSession,
    kEnvironment,
    kRlimits,
    kWorkdir,
    kDropPrivileges,
    kNoNewPrivileges,
    kLandlock,
    kRequiredLayers,
    kSeccomp,
    kStartProgram,
    kAttachTracer,
    kTerminal,
    kStartCommand,
    kKeepSnapshot,
    kLast = kKeepSnapshot,
};

/// The step's stable name, as in `error.step`: `join-namespaces`.
const char* step_name(Step step);

/// What kept a step from being done, small enough to cross a pipe in one write.
struct Failure {
    Step step = Step::kReceiveSpec;
    int error_number = 0;  ///< 0 when no system call failed.
    std::string call;      ///< The system call's name, or empty.
    std::string message;
    std::string hint;  ///< Only what the place of the failure knows; see runtime/diagnosis.h.
};

/// Runs `action` as `step`: whatever leaves it becomes a StepError.
class StepError : public Error {
  public:
    explicit StepError(Failure failure) : Error(failure.message), failure_(std::move(failure)) {}
    const Failure& failure() const noexcept { return failure_; }

  private:
    Failure failure_;
};

/// Turns the exception being handled into the failure of `step`.
Failure failure_of_current_exception(Step step);

template <typename Action>
decltype(auto) do_step(Step step, Action&& action) {
    try {
        return std::forward<Action>(action)();
    } catch (...) {
        throw StepError(failure_of_current_exception(step));
    }
}

}  // namespace vitrine::sandbox
