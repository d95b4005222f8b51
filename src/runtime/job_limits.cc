#include "runtime/job_limits.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include <span>

#include "base/error.h"

namespace vitrine::runtime {

JobLimits::JobLimits() : tree_(limits::CgroupTree::discover()) {
    if (tree_) (void)tree_->sweep();
}

std::optional<limits::CgroupLeaf> JobLimits::make_leaf(const Job& job) const {
    if (tree_) return tree_->make_leaf(job.limits, kOwnProcesses);
    if (std::ranges::find(job.required, "cgroup") != job.required.end()) {
        with_context("--require cgroup", [&] { throw CauseError(tree_.error()); });
    }
    if (!job.limits.devices.empty()) {
        with_context("limits of devices need a cgroup", [&] { throw CauseError(tree_.error()); });
    }
    return std::nullopt;
}

void JobLimits::describe(Reporting& reporting) const {
    reporting.take_backend(tree_.has_value());
    if (tree_) return;
    reporting.warn(
        concat("limits by rlimits only: ", tree_.error().message, "; ", tree_.error().remedy));
}

void take_duties(const std::optional<limits::CgroupLeaf>& leaf, Duties& duties) {
    if (!leaf) return;
    duties.is_out_of_memory = [&leaf] { return leaf->usage().memory_limit_hit; };
    duties.cpu_ns = [&leaf] {
        const auto usage = leaf->usage();
        return static_cast<std::int64_t>((usage.cpu_user_us + usage.cpu_sys_us) * 1000);
    };
}

StdinSource open_stdin(const Job& job) {
    if (job.stdin_text) {
        StdinSource source{
            .file = make_sealed_memfd("stdin", std::as_bytes(std::span(*job.stdin_text)))};
        source.fd = source.file.get();
        return source;
    }
    const std::string& path = job.stdin_path;
    if (path.empty()) return {};
    if (path == "-") return {UniqueFd(), STDIN_FILENO};
    // A FIFO nobody writes to is no reason to wait here, where no clock runs yet: opened like this
    // it has nothing to read, and no end, until its first writer comes.
    StdinSource source{.file = open_file(path, O_RDONLY | O_NOCTTY | O_NONBLOCK)};
    struct stat info{};
    if (::fstat(source.file.get(), &info) == 0 && S_ISDIR(info.st_mode)) {
        throw UsageError(concat("--stdin: '", path, "' is a directory"), "name a file");
    }
    source.fd = source.file.get();
    return source;
}

}  // namespace vitrine::runtime
