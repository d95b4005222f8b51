#include "runtime/reporting.h"

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "runtime/artifacts.h"
#include "runtime/claim_json.h"
#include "runtime/diagnosis.h"
#include "runtime/events.h"
#include "runtime/verdict.h"
#include "sandbox/report.h"

namespace vitrine::runtime {

namespace {

using sandbox::monotonic_ns;

constexpr int kSetupErrorExit = 125;
constexpr int kNotExecutableExit = 126;
constexpr int kNotFoundExit = 127;
constexpr int kSignalBase = 128;

std::uint64_t microseconds(const timeval& time) {
    return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000 +
           static_cast<std::uint64_t>(time.tv_usec);
}

std::int64_t microseconds_from(std::int64_t start_ns, std::int64_t end_ns) {
    return start_ns == 0 || end_ns < start_ns ? 0 : (end_ns - start_ns) / 1000;
}

/// Why no untrusted code ran, where it was neither the policy nor a limit that ended things.
std::optional<SetupError> setup_error(const Observed& observed) {
    // The payload also reports what it could not go on without: the others know the reason.
    const auto& failure = observed.failure ? observed.failure : observed.claims.failure;
    if (failure) return describe(*failure);
    if (observed.claims.accepted || observed.cause != KillCause::kNone) return std::nullopt;
    if (!observed.claims.confined) {
        return SetupError{.step = "enter-sandbox",
                          .message = "the payload died while entering the sandbox",
                          .hint = advise(Cause::kSmallMemory).remedy,
                          .cause = cause_id(Cause::kSmallMemory)};
    }
    if (!observed.ended->by_signal && observed.ended->code == kSetupErrorExit) {
        return SetupError{.step = "start-program",
                          .message = "the interpreter could not take the program",
                          .hint = advise(Cause::kSmallMemory).remedy,
                          .cause = cause_id(Cause::kSmallMemory)};
    }
    return std::nullopt;
}

/// As shells have it.
int exit_code_without_command(const SetupError& error) {
    if (error.error_number == 0) return kSetupErrorExit;
    return error.error_number == ENOENT ? kNotFoundExit : kNotExecutableExit;
}

}  // namespace

Reporting::Reporting(const Job& job) : job_(job), start_ns_(monotonic_ns()), story_(start_ns_) {
    report_.result.id = job.id;
}

void Reporting::take_backend(bool has_cgroup) {
    result().isolation.limits_backend = has_cgroup ? "cgroup2" : "rlimit";
    if (!has_cgroup) result().isolation.degraded.emplace_back("cgroup");
}

void Reporting::refuse_snapshot() {
    refuses_snapshot_ = true;
    report_.no_snapshot =
        "its snapshot is no file, or others than root, you and its owner could have written it";
    note("the rootfs's snapshot is passed over: others could have written it, or it is no file");
}

void Reporting::describe_isolation(const seccomp::Filter& filter, std::uint32_t host_uid) {
    Isolation& isolation = result().isolation;
    isolation.seccomp_profile = filter.profile;
    isolation.seccomp_sha256 = filter.sha256;
    isolation.seccomp_action = filter.action;
    if (!filter.warning.empty()) warn(filter.warning);
    if (!filter.cache_problem.empty()) {
        warn(concat("the next run has to compile the seccomp profile again: ",
                    filter.cache_problem));
    }
    isolation.uid = job_.uid;
    isolation.host_uid = host_uid;
}

void Reporting::take(const Observed& observed, const limits::CgroupLeaf* leaf) {
    if (observed.problem) return fail({.step = "run", .message = *observed.problem});
    take_isolation(observed);
    take_timings(observed);
    story_.take(observed);
    take_usage(observed, leaf);
    result().out = observed.out;
    result().err = observed.err;
    result().findings = observed.claims.findings;
    report_.checked = observed.claims.checked;
    report_.checking = observed.claims.checking;
    take_artifacts(observed);
    if (const auto error = setup_error(observed)) {
        fail(memory_limit_hit_ ? explain_small_memory(*error) : explain_snapshot(*error));
        if (observed.claims.starting) report_.exit_code = exit_code_without_command(*error);
    } else {
        take_verdict(observed);
        take_claims(observed.claims);
    }
    if (observed.interrupt_signal != 0) set_interrupted(observed.interrupt_signal);
}

/// Nothing of the job is alive: what is there stays as it is.
void Reporting::take_artifacts(const Observed& observed) {
    if (!observed.tmp || !observed.claims.accepted) return;
    Artifacts artifacts = plan_step("artifacts", [&] {
        return collect_artifacts(observed.tmp.get(), job_.artifacts,
                                 {.bytes = job_.limits.tmpfs_bytes});
    });
    result().artifacts = std::move(artifacts.collected);
    result().artifacts_refused = std::move(artifacts.refused);
    for (const RefusedArtifact& refused : result().artifacts_refused) {
        report_.warnings.push_back(
            concat("--artifacts: '", refused.path, "' was not collected: ", refused.reason));
    }
}

SetupError Reporting::explain_small_memory(SetupError error) const {
    error.message = concat("the kernel killed it while setting up: ", job_.limits.memory_bytes,
                           " bytes of memory do not hold an interpreter");
    error.hint = "give it more: --memory 64m is about the least for Python";
    error.cause = cause_id(Cause::kSmallMemory);
    return error;
}

/// Nothing checks a snapshot's every page.
SetupError Reporting::explain_snapshot(SetupError error) const {
    if (!has_snapshot_ || error.cause != cause_id(Cause::kSmallMemory)) return error;
    error.hint += concat(
        "; or does it run with --no-snapshot? Then make the snapshot anew: vitrine "
        "rootfs snapshot ",
        job_.rootfs);
    return error;
}

void Reporting::take_isolation(const Observed& observed) {
    if (!observed.claims.confined) return;
    result().isolation = isolation_of(*observed.claims.confined);
    result().snapshot = observed.claims.confined->snapshot == kernel::Misfit::kNone;
    if (refuses_snapshot_) return;
    report_.no_snapshot = why_no_snapshot(observed.claims.confined->snapshot);
}

Isolation Reporting::isolation_of(const sandbox::Confined& confined) const {
    Isolation isolation = report_.result.isolation;
    isolation.namespaces = {"user", "pid", "mnt", "net", "ipc", "uts", "cgroup"};
    isolation.no_new_privs = true;
    isolation.landlock_abi = confined.landlock_abi;
    if (confined.landlock_abi == 0) isolation.degraded.emplace_back("landlock");
    if (!confined.has_no_groups) isolation.degraded.emplace_back("groups");
    if (!confined.has_no_executable_memfds) isolation.degraded.emplace_back("memfd_noexec");
    return isolation;
}

void Reporting::take_timings(const Observed& observed) {
    Timings& timings = result().timings;
    timings.teardown = microseconds_from(observed.ended_ns, observed.gone_ns);
    if (!observed.launched || !observed.claims.confined) return;
    const sandbox::Confined& confined = *observed.claims.confined;
    timings.fork = microseconds_from(observed.launched->forking_ns, confined.born_ns);
    timings.prepare = report_.result.warm
                          ? microseconds_from(start_ns_, handed_over_ns_)
                          : microseconds_from(start_ns_, confined.ready_ns) - timings.fork;
    timings.enter = microseconds_from(confined.ready_ns, confined.entered_ns);
    timings.seccomp = microseconds_from(confined.entered_ns, confined.filtered_ns);
    if (!observed.claims.accepted) return;
    const python::Accepted& accepted = *observed.claims.accepted;
    timings.validate = microseconds_from(accepted.started_ns, accepted.accepted_ns);
    timings.held = observed.held_ns / 1000;
    timings.run = microseconds_from(accepted.accepted_ns + observed.held_ns, observed.ended_ns);
}

/// By the cgroup where there is one; otherwise what the kernel charged our two children with.
void Reporting::take_usage(const Observed& observed, const limits::CgroupLeaf* leaf) {
    Usage& usage = result().usage;
    usage.wall_ms = static_cast<double>(microseconds_from(observed.started_ns + observed.held_ns,
                                                          observed.ended_ns)) /
                    1e3;
    if (leaf != nullptr) return take_cgroup_usage(*leaf);
    if (!observed.ended) return;
    const rusage& payload = observed.ended->usage;
    const rusage& init = observed.init_usage;
    usage.cpu_user_ms =
        static_cast<double>(microseconds(payload.ru_utime) + microseconds(init.ru_utime)) / 1e3;
    usage.cpu_sys_ms =
        static_cast<double>(microseconds(payload.ru_stime) + microseconds(init.ru_stime)) / 1e3;
    // Kilobytes of the largest process that was waited for; the sum of all is the supervisor's.
    const auto largest =
        static_cast<std::uint64_t>(std::max(payload.ru_maxrss, init.ru_maxrss)) * 1024;
    usage.memory_peak_bytes = std::max(largest, observed.sampled_memory_peak);
    usage.memory_source = observed.sampled_memory_peak > largest ? "sampled" : "maxrss";
}

void Reporting::take_cgroup_usage(const limits::CgroupLeaf& leaf) {
    const limits::CgroupUsage measured = leaf.usage();
    Usage& usage = result().usage;
    usage.cpu_user_ms = static_cast<double>(measured.cpu_user_us) / 1e3;
    usage.cpu_sys_ms = static_cast<double>(measured.cpu_sys_us) / 1e3;
    usage.throttled_ms = static_cast<double>(measured.throttled_us) / 1e3;
    usage.memory_peak_bytes = measured.memory_peak;
    if (measured.memory_peak) usage.memory_source = "memory.peak";
    usage.pids_peak = measured.pids_peak;
    usage.pids_limit_hits = measured.pids_limit_hits;
    usage.oom_kills = measured.oom_kills;
    memory_limit_hit_ = measured.memory_limit_hit;
}

void Reporting::take_verdict(const Observed& observed) {
    const Usage& usage = result().usage;
    const Verdict verdict = judge(
        {.ended = *observed.ended,
         .cause = observed.cause,
         .was_accepted = observed.claims.accepted.has_value(),
         .wall_ns =
             static_cast<std::uint64_t>(observed.ended_ns - observed.started_ns - observed.held_ns),
         .cpu_ns = static_cast<std::uint64_t>((usage.cpu_user_ms + usage.cpu_sys_ms) * 1e6),
         .output_bytes = std::max(observed.out.bytes_total, observed.err.bytes_total),
         .memory_limit_hit = memory_limit_hit_,
         .memory_peak = usage.memory_peak_bytes.value_or(0)},
        job_.limits);
    result().status = verdict.status;
    result().exit_code = verdict.exit_code;
    result().signal = verdict.signal;
    result().limit = verdict.limit;
    report_.exit_code = exit_code_for(verdict);
}

void Reporting::take_claims(const Claims& claims) {
    if (claims.accepted) result().python = claims.accepted->python_version;
    result().exception = claims.exception;
    if (!claims.value) return;
    result().value_json = checked_json(claims.value->json);
    result().value_notes = claims.value->notes;
}

void Reporting::fail(const SetupError& error) {
    result().status = Status::kSetupError;
    result().error = error;
    report_.exit_code = kSetupErrorExit;
}

void Reporting::fail(const sandbox::Failure& failure) {
    fail(describe(failure));
}

void Reporting::set_interrupted(int signal) {
    report_.exit_code = kSignalBase + signal;
    report_.interrupt_signal = signal;
}

void Reporting::fail_by_current_exception() {
    try {
        throw;
    } catch (const PlanError& error) {
        fail({.step = error.step(),
              .syscall = error.call(),
              .error_number = error.error_number(),
              .message = error.what(),
              .hint = error.hint(),
              .cause = error.cause()});
    } catch (const sandbox::StepError& error) {
        fail(describe(error.failure()));
    } catch (const std::exception& error) {
        fail({.step = "run", .message = error.what()});
    }
}

RunReport Reporting::finish(int status_fd) {
    result().timings.total = microseconds_from(start_ns_, monotonic_ns());
    report_.story = story_.told();
    send_event(status_fd, "exit-code", report_.exit_code);
    return std::move(report_);
}

}  // namespace vitrine::runtime
