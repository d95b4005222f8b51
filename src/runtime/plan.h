// A job turned into what the processes of its run are told.
#pragma once

#include <string>
#include <vector>

#include "base/causes.h"
#include "base/fd.h"
#include "python/policy.h"
#include "runtime/host.h"
#include "sandbox/spec.h"
#include "seccomp/denial.h"
#include "seccomp/filter.h"
#include "seccomp/notify.h"
#include "vitrine/job.h"

namespace vitrine::runtime {

struct SandboxPlan {
    sandbox::SandboxSpec spec;
    /// Detached mounts the spec counts into; only root can take them.
    std::vector<UniqueFd> trees;
};

struct PayloadPlan {
    sandbox::PayloadSpec spec;
    seccomp::Filter filter;
};

/// Reads the rootfs's description, and opens every path the job names. Throws PlanError.
SandboxPlan plan_sandbox(const Job& job, const HostIdentity& identity);

/// Reads the profile and the policy: after this nothing parses text again. `has_cgroup` says that
/// a cgroup holds the job's limits. Not null, `checks` are what is done instead of running the
/// job. Throws PlanError.
PayloadPlan plan_payload(const Job& job, const std::string& profiles, bool has_cgroup,
                         const std::vector<Source>* checks);

/// The part of plan_payload that is fixed before a program is known: what confines it.
PayloadPlan plan_confinement(const Job& job, const std::string& profiles, bool has_cgroup);
/// Has the supervisor hear of what the plan's filter decides. Throws PlanError where nobody can
/// listen on this host: under a filter that answers first, or with several programs for a filter.
void have_calls_told(PayloadPlan& plan, seccomp::Notify what);
/// What is in the memory that a snapshot keeps, beside an interpreter that has started: modules,
/// or, without any, the guard of the job's policy. (A guard disarms functions of libraries, and not
/// every program is of that policy.) Throws PlanError.
std::string plan_snapshot_heap(const Job& job, const std::string& profiles,
                               const std::vector<std::string>& modules);
/// What explains the denials of a job. Throws PlanError.
seccomp::DenialStudy plan_denial_study(const Job& job, const std::string& profiles);
/// The policy of a job. Throws PlanError.
python::Policy plan_policy(const Job& job, const std::string& profiles);
/// The rest, for a payload that is confined already.
sandbox::WarmProgram plan_warm_program(const Job& job);

/// What could not be had, and the step it belongs to (`rootfs`, `seccomp-profile`, `policy`…).
class PlanError : public Error {
  public:
    PlanError(std::string step, const Error& cause, std::string call, int error_number,
              std::string cause_name = {})
        : Error(cause.what(), cause.hint()),
          step_(std::move(step)),
          call_(std::move(call)),
          error_number_(error_number),
          cause_(std::move(cause_name)) {}

    const std::string& step() const noexcept { return step_; }
    const std::string& call() const noexcept { return call_; }
    int error_number() const noexcept { return error_number_; }
    /// The id of its row of base/causes.h; empty where there is none.
    const std::string& cause() const noexcept { return cause_; }

  private:
    std::string step_;
    std::string call_;
    int error_number_;
    std::string cause_;
};

/// Runs `action` as the step `step` of getting a run ready.
template <typename Action>
decltype(auto) plan_step(const char* step, Action&& action) {
    try {
        return std::forward<Action>(action)();
    } catch (const SystemError& error) {
        throw PlanError(step, error, error.call(), error.error_number());
    } catch (const CauseError& error) {
        throw PlanError(step, error, {}, 0, cause_id(error.cause()));
    } catch (const Error& error) {
        throw PlanError(step, error, {}, 0);
    }
}

}  // namespace vitrine::runtime
