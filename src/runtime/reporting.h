// What was seen of a run, turned into its result.
#pragma once

#include <optional>
#include <string>

#include "limits/cgroup.h"
#include "runtime/plan.h"
#include "runtime/run.h"
#include "runtime/story.h"
#include "runtime/watch.h"
#include "vitrine/job.h"

namespace vitrine::runtime {

/// The report of one run, from before it starts. Borrows the job.
class Reporting {
  public:
    explicit Reporting(const Job& job);

    // ── before ──

    void warn(std::string warning) { report_.warnings.push_back(std::move(warning)); }
    void take_backend(bool has_cgroup);
    void describe_isolation(const seccomp::Filter& filter, std::uint32_t host_uid);
    /// The job's isolation, once it is confined.
    Isolation isolation_of(const sandbox::Confined& confined) const;
    /// `what` happened just now; a literal.
    void note(const char* what) { story_.note(what); }
    /// It goes on from the rootfs's snapshot, if that fits.
    void set_snapshot() { has_snapshot_ = true; }
    /// The rootfs has one that nobody should go on from.
    void refuse_snapshot();
    void set_warm() { report_.result.warm = true; }
    /// A warm run: it waited for its sandbox until now.
    void set_handed_over(std::int64_t now_ns) { handed_over_ns_ = now_ns; }

    // ── after ──

    /// Judges what was seen. `leaf` is the job's cgroup, null where it had none.
    void take(const Observed& observed, const limits::CgroupLeaf* leaf);
    void set_denied(std::vector<DeniedCall> denied) { result().denied = std::move(denied); }
    void fail(const SetupError& error);
    void fail(const sandbox::Failure& failure);
    void set_interrupted(int signal);
    /// fail() for the exception being handled.
    void fail_by_current_exception();
    /// The last word. Tells `status_fd` the exit code.
    RunReport finish(int status_fd);

  private:
    Result& result() { return report_.result; }
    void take_verdict(const Observed& observed);
    void take_claims(const Claims& claims);
    void take_artifacts(const Observed& observed);
    void take_isolation(const Observed& observed);
    void take_timings(const Observed& observed);
    void take_usage(const Observed& observed, const limits::CgroupLeaf* leaf);
    void take_cgroup_usage(const limits::CgroupLeaf& leaf);
    SetupError explain_small_memory(SetupError error) const;
    SetupError explain_snapshot(SetupError error) const;

    const Job& job_;
    std::int64_t start_ns_;
    Story story_;
    std::int64_t handed_over_ns_ = 0;
    bool memory_limit_hit_ = false;
    bool has_snapshot_ = false;
    bool refuses_snapshot_ = false;
    RunReport report_;
};

}  // namespace vitrine::runtime
