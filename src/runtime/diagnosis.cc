#include "runtime/diagnosis.h"

#include <algorithm>

#include "base/error.h"

namespace vitrine::runtime {

namespace {

using sandbox::Failure;
using sandbox::Step;

/// Where a failure is found out, which decides what it can mean.
enum class Area {
    kNamespaces,
    kMounts,
    kProgram,
    kPython,
    kSeccomp,
    kJob,  ///< What the job asks for.
    kOther
};

Area area_of(Step step) {
    switch (step) {
        case Step::kStartZygote:
        case Step::kTakeIdentity:
        case Step::kStartInit:
        case Step::kForkPayload:
        case Step::kMapIds:
        case Step::kNamespaces:
        case Step::kHostname:
        case Step::kNetwork:
        case Step::kJoinNamespaces:
            return Area::kNamespaces;
        case Step::kBuildRoot:
        case Step::kEnterRootfs:
        case Step::kMountRoot:
        case Step::kPivotRoot:
            return Area::kMounts;
        case Step::kExecGuest:
            return Area::kProgram;
        case Step::kStartInterpreter:
            return Area::kPython;
        case Step::kSeccomp:
            return Area::kSeccomp;
        case Step::kWorkdir:
        case Step::kRlimits:
        case Step::kWarmUp:
        case Step::kStartProgram:
            return Area::kJob;
        default:
            return Area::kOther;
    }
}

bool is_refusal(int error_number) {
    return error_number == EPERM || error_number == EACCES || error_number == ENOSYS ||
           error_number == EINVAL;
}

/// `fsconfig(create)` is a call of fsconfig.
std::string name_of_call(const Failure& failure) {
    return failure.call.substr(0, failure.call.find('('));
}

std::string call_and_errno(const Failure& failure) {
    if (failure.call.empty()) return failure.message;
    return concat(failure.call, ": ", errno_name(failure.error_number));
}

std::optional<Advice> diagnose_refused_call(const Failure& failure, const HostFacts& facts) {
    const std::string name = name_of_call(failure);
    const auto& refused = facts.refused_calls;
    const auto call = std::ranges::find(refused, name, &kernel::RefusedCall::name);
    if (call == refused.end() || call->error_number != failure.error_number) return std::nullopt;
    return advise_on_refused_calls(facts);
}

std::optional<Advice> diagnose_namespace_limit(const HostFacts& facts, bool made_by_init) {
    for (const auto& [kind, limit] : facts.namespaces) {
        if (limit == 0 && kind != "user") {
            return advise(Cause::kNamespaceLimit, {kind, "0"});
        }
    }
    const auto users = facts.namespaces.find("user");
    if (made_by_init || users == facts.namespaces.end()) return std::nullopt;
    return advise(Cause::kUserNamespaceLimit, {std::to_string(users->second)});
}

std::optional<Advice> diagnose_namespaces(const Failure& failure, const HostFacts& facts) {
    if (failure.error_number == ENOSPC || failure.error_number == EUSERS) {
        return diagnose_namespace_limit(facts, failure.step == Step::kNamespaces);
    }
    if (!is_refusal(failure.error_number)) return std::nullopt;
    if (!facts.is_id_mapped) return advise(Cause::kIdUnmapped, {std::to_string(facts.uid)});
    if (facts.is_chrooted) return advise(Cause::kChroot);
    // Root's too: the namespaces of a sandbox are made by processes without privilege.
    if (facts.userns_clone == 0U) return advise(Cause::kUserNamespacesOff);
    return advise(Cause::kUserNamespacesRefused, {call_and_errno(failure)});
}

std::optional<Advice> diagnose_mounts(const Failure& failure, const HostFacts& facts) {
    if (!is_refusal(failure.error_number)) return std::nullopt;
    const bool is_proc = failure.step == Step::kMountRoot && failure.error_number == EPERM &&
                         name_of_call(failure).starts_with("fs");
    if (is_proc && !facts.proc_masks.empty()) {
        return advise(Cause::kProcMasked, {facts.proc_masks.front()});
    }
    if (!facts.apparmor_profile.empty() && failure.error_number == EACCES) {
        return advise(Cause::kAppArmorProfile, {facts.apparmor_profile});
    }
    return advise(Cause::kMountRefused, {call_and_errno(failure)});
}

std::optional<Advice> diagnose_program(const Failure& failure, const HostFacts& facts) {
    const bool is_refused = failure.error_number == EACCES || failure.error_number == EPERM;
    if (is_refused && facts.memfd_noexec.value_or(0) >= 2) return advise(Cause::kMemfdNoexec);
    return std::nullopt;
}

/// dlopen(3) says: `… version `GLIBC_2.38' not found (required by …)`.
std::optional<Advice> diagnose_python(const Failure& failure, const HostFacts& facts) {
    const std::size_t start = failure.message.find("version `GLIBC_");
    if (start == std::string::npos) return std::nullopt;
    const std::size_t end = failure.message.find(" (", start);
    return advise(Cause::kLibcTooOld, {facts.libc, failure.message.substr(start, end - start)});
}

Advice diagnose_job(const Failure& failure) {
    if (failure.step == Step::kWorkdir) return advise(Cause::kWorkdir);
    if (failure.step == Step::kRlimits) return advise(Cause::kUlimit);
    return advise(failure.step == Step::kWarmUp ? Cause::kPreload : Cause::kSmallMemory);
}

std::optional<Advice> diagnose_area(const Failure& failure, const HostFacts& facts) {
    switch (area_of(failure.step)) {
        case Area::kNamespaces:
            return diagnose_namespaces(failure, facts);
        case Area::kMounts:
            return diagnose_mounts(failure, facts);
        case Area::kProgram:
            return diagnose_program(failure, facts);
        case Area::kPython:
            return diagnose_python(failure, facts);
        case Area::kSeccomp:
            return is_refusal(failure.error_number) ? std::optional(advise(Cause::kNoSeccomp))
                                                    : std::nullopt;
        case Area::kJob:
            return diagnose_job(failure);
        case Area::kOther:
            break;
    }
    return std::nullopt;
}

/// With Ubuntu's restriction whatever takes a capability fails, wherever that is. It is for those
/// without a profile of their own.
bool is_apparmor_restriction(const Failure& failure, const HostFacts& facts) {
    const Area area = area_of(failure.step);
    return facts.apparmor_restriction == 1U && facts.apparmor_profile.empty() &&
           (failure.error_number == EPERM || failure.error_number == EACCES) &&
           (area == Area::kNamespaces || area == Area::kMounts);
}

}  // namespace

Advice advise_on_refused_calls(const HostFacts& facts) {
    std::string names;
    for (const kernel::RefusedCall& call : facts.refused_calls)
        names += concat(names.empty() ? "" : ", ", call.name);
    if (facts.has_outer_filter) return advise(Cause::kOuterSeccomp, {names});
    return advise(Cause::kKernelTooOld, {facts.kernel, names});
}

std::optional<Advice> diagnose(const Failure& failure, const HostFacts& facts) {
    if (auto advice = diagnose_refused_call(failure, facts)) return advice;
    if (is_apparmor_restriction(failure, facts)) {
        return advise(Cause::kAppArmorRestriction, {facts.program});
    }
    return diagnose_area(failure, facts);
}

SetupError describe(const Failure& failure) {
    SetupError error{.step = sandbox::step_name(failure.step),
                     .syscall = failure.call,
                     .error_number = failure.error_number,
                     .message = failure.message,
                     .hint = failure.hint};
    const Area area = area_of(failure.step);
    if (area == Area::kOther) return error;
    // What is wrong with a job, its failure says itself.
    const auto advice = area == Area::kJob ? std::optional(diagnose_job(failure))
                                           : diagnose(failure, look_around());
    if (!advice) return error;
    error.cause = cause_id(advice->cause);
    if (!error.hint.empty()) return error;
    error.hint =
        area == Area::kJob ? advice->remedy : concat(advice->message, "; ", advice->remedy);
    return error;
}

}  // namespace vitrine::runtime
