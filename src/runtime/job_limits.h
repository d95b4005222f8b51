// How this process limits its jobs: a cgroup for each where it can be had, rlimits where not.
#pragma once

#include <expected>
#include <optional>

#include "limits/cgroup_tree.h"
#include "runtime/reporting.h"
#include "runtime/watch.h"
#include "vitrine/job.h"

namespace vitrine::runtime {

/// Processes of ours in a job's cgroup beside the program's own: the zygote and init.
inline constexpr std::uint64_t kOwnProcesses = 2;

/// Looked for once a process.
class JobLimits {
  public:
    /// Finds the host's cgroups, and removes what killed supervisors left there.
    JobLimits();

    bool has_cgroup() const noexcept { return tree_.has_value(); }
    /// A leaf with the job's limits; nothing where there are no cgroups. Throws UsageError where
    /// the job cannot do without.
    std::optional<limits::CgroupLeaf> make_leaf(const Job& job) const;
    /// Says in the report what holds the job's limits.
    void describe(Reporting& reporting) const;

  private:
    std::expected<limits::CgroupTree, limits::Unavailable> tree_;
};

/// What a watch asks a job's leaf for; both borrow it. Nothing without one.
void take_duties(const std::optional<limits::CgroupLeaf>& leaf, Duties& duties);

/// What a job's stdin is read from: -1 for nothing.
struct StdinSource {
    UniqueFd file;
    int fd = -1;
};
/// Throws SystemError or UsageError.
StdinSource open_stdin(const Job& job);

}  // namespace vitrine::runtime
