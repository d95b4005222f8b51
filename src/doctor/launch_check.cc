#include "doctor/launch_check.h"

#include <algorithm>

#include "base/error.h"
#include "limits/cgroup_tree.h"
#include "runtime/job_defaults.h"
#include "runtime/run.h"
#include "runtime/snapshot.h"

namespace vitrine::doctor {

namespace {

Job make_job(const std::string& rootfs) {
    Job job;
    job.id = "doctor";
    job.source = {"doctor.py", "print(6 * 7)\n"};
    job.limits.timeout = std::chrono::seconds(60);
    job.environment = runtime::default_environment(job.limits);
    job.rootfs = rootfs;
    return job;
}

Check judge_run(const runtime::RunReport& report, const std::string& rootfs) {
    const Result& result = report.result;
    if (result.error) {
        const SetupError& error = *result.error;
        return {.name = "launch",
                .verdict = Verdict::kFail,
                .found = concat("step ", error.step, ": ", error.message),
                .cause = error.cause,
                .remedy = error.hint};
    }
    if (result.status == Status::kExited && result.exit_code == 0 && result.out.bytes == "42\n") {
        Check check = passed("launch", concat("a program ran from the first step to the last, in ",
                                              result.timings.total / 1000, " ms"));
        if (runtime::has_snapshots() && *report.no_snapshot != '\0') {
            check.notes.push_back(concat("it could start in half the time, but ",
                                         report.no_snapshot, ": vitrine rootfs snapshot ", rootfs));
        }
        return check;
    }
    return {.name = "launch",
            .verdict = Verdict::kFail,
            .found = concat("a program started and did not end as it must; it wrote: ",
                            result.out.bytes, result.err.bytes)};
}

Check judge_layer(std::string name, const char* degraded, Cause cause, std::string found,
                  const Isolation& isolation) {
    const bool is_weaker =
        std::ranges::find(isolation.degraded, degraded) != isolation.degraded.end();
    return is_weaker ? judged(std::move(name), advise(cause))
                     : passed(std::move(name), std::move(found));
}

}  // namespace

Check check_cgroup() {
    const auto tree = limits::CgroupTree::discover();
    if (!tree) return judged("cgroup", tree.error());
    try {
        const auto leaf = tree->make_leaf({}, 0);
    } catch (const Error& error) {
        return judged("cgroup", advise(Cause::kCgroupNotOurs, {error.what()}));
    }
    return passed("cgroup", concat("v2, each job in one of its own below '", tree->mount_point(),
                                   tree->path(), "/'"));
}

std::vector<Check> check_launch(const std::string& rootfs, const std::string& profiles) {
    const runtime::RunReport report = runtime::run(make_job(rootfs), {.profiles = profiles});
    const Result& result = report.result;
    std::vector<Check> checks{judge_run(report, rootfs)};
    if (result.error) return checks;
    const Isolation& isolation = result.isolation;
    checks.push_back(judge_layer("landlock", "landlock", Cause::kNoLandlock,
                                 concat("ABI ", isolation.landlock_abi), isolation));
    checks.push_back(judge_layer("groups", "groups", Cause::kGroupsKept,
                                 "jobs have no supplementary groups", isolation));
    checks.push_back(judge_layer("memfd", "memfd_noexec", Cause::kMemfdExecutable,
                                 "a job can execute nothing it makes in memory", isolation));
    return checks;
}

}  // namespace vitrine::doctor
