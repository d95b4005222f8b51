// How a job ended: a pure function of what the kernel and the supervisor's own record say.
#pragma once

#include <cstdint>
#include <optional>

#include "kernel/process.h"
#include "vitrine/job.h"
#include "vitrine/result.h"

namespace vitrine::runtime {

/// Why the supervisor killed the job. Whoever kills writes this down first.
enum class KillCause { kNone, kTimeout, kCpuTime, kMemory, kOutput, kInterrupted };

/// The facts a verdict rests on. None of them comes from the job.
struct Facts {
    kernel::Ended ended;
    KillCause cause = KillCause::kNone;
    bool was_accepted = false;  ///< Untrusted code has run.
    std::uint64_t wall_ns = 0;
    std::uint64_t cpu_ns = 0;
    std::uint64_t output_bytes = 0;  ///< Of the larger stream.
    bool memory_limit_hit = false;   ///< The kernel killed in the job's cgroup, for its limit.
    std::uint64_t memory_peak = 0;
};

struct Verdict {
    Status status = Status::kExited;
    std::optional<int> exit_code;
    std::optional<int> signal;
    std::optional<LimitHit> limit;
};

Verdict judge(const Facts& facts, const Limits& limits);

/// The exit code of `vitrine run` for a verdict: 124, 126, 128+N or the program's own.
int exit_code_for(const Verdict& verdict);

}  // namespace vitrine::runtime
