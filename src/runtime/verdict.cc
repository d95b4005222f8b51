#include "runtime/verdict.h"

#include <signal.h>

namespace vitrine::runtime {

namespace {

constexpr int kTimedOutExit = 124;
constexpr int kSetupErrorExit = 125;
constexpr int kRefusedExit = 126;
constexpr int kSignalBase = 128;

std::uint64_t nanoseconds(std::chrono::nanoseconds duration) {
    return static_cast<std::uint64_t>(duration.count());
}

LimitHit cpu_hit(const Facts& facts, const Limits& limits) {
    return {"cpu-time", nanoseconds(*limits.cpu_time), facts.cpu_ns};
}

/// Who ended a job that SIGKILL ended: the supervisor if it wrote a cause down, else the kernel if
/// it counted a kill for the job's limit, else somebody else.
KillCause killer(const Facts& facts) {
    if (facts.cause != KillCause::kNone || !facts.memory_limit_hit) return facts.cause;
    return KillCause::kMemory;
}

/// RLIMIT_CPU, the kernel's own watch: first SIGXCPU, then SIGKILL.
bool is_cpu_rlimit(const Facts& facts, const Limits& limits) {
    return limits.cpu_time && facts.cpu_ns >= nanoseconds(*limits.cpu_time) &&
           (facts.ended.code == SIGXCPU || facts.ended.code == SIGKILL);
}

void attribute_signal(const Facts& facts, const Limits& limits, Verdict& verdict) {
    verdict.status = Status::kSignaled;
    switch (facts.ended.code == SIGKILL ? killer(facts) : KillCause::kNone) {
        case KillCause::kTimeout:
            verdict.status = Status::kTimeout;
            verdict.limit = {"timeout", nanoseconds(limits.timeout), facts.wall_ns};
            break;
        case KillCause::kCpuTime:
            verdict.status = Status::kCpuTimeout;
            verdict.limit = cpu_hit(facts, limits);
            break;
        case KillCause::kMemory:
            verdict.status = Status::kMemory;
            verdict.limit = {"memory", limits.memory_bytes, facts.memory_peak};
            break;
        case KillCause::kOutput:
            verdict.status = Status::kOutputLimit;
            verdict.limit = {"max-output", limits.max_output_bytes, facts.output_bytes};
            break;
        case KillCause::kInterrupted:
            break;
        case KillCause::kNone:
            if (!is_cpu_rlimit(facts, limits)) break;
            verdict.status = Status::kCpuTimeout;
            verdict.limit = cpu_hit(facts, limits);
    }
}

}  // namespace

Verdict judge(const Facts& facts, const Limits& limits) {
    Verdict verdict;
    if (facts.ended.by_signal) {
        verdict.signal = facts.ended.code;
        attribute_signal(facts, limits, verdict);
        return verdict;
    }
    if (!facts.was_accepted && facts.ended.code == kRefusedExit) {
        verdict.status = Status::kRejected;  // No program was run that could have an exit code.
        return verdict;
    }
    verdict.exit_code = facts.ended.code;
    return verdict;
}

int exit_code_for(const Verdict& verdict) {
    switch (verdict.status) {
        case Status::kTimeout:
        case Status::kCpuTimeout:
            return kTimedOutExit;
        case Status::kSetupError:
            return kSetupErrorExit;
        case Status::kRejected:
            return kRefusedExit;
        default:
            break;
    }
    return verdict.signal ? kSignalBase + *verdict.signal : verdict.exit_code.value_or(0);
}

}  // namespace vitrine::runtime
