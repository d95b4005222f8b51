#include "runtime/check.h"

#include <signal.h>

#include <iterator>

#include "base/error.h"
#include "base/units.h"
#include "python/rules.h"
#include "runtime/job_defaults.h"
#include "runtime/run.h"

namespace vitrine::runtime {

namespace {

/// What goes into one sandbox: its message is held in memory three times.
constexpr std::size_t kBatchBytes = std::size_t{8} << 20;
constexpr std::size_t kBatchSources = 1000;
constexpr std::uint64_t kCheckMemory = std::uint64_t{1} << 30;

Job check_job(const CheckRequest& request) {
    Job job;
    job.id = "check";
    job.source = {.name = "<check>", .bytes = {}};
    job.policy = request.policy;
    job.rootfs = request.rootfs;
    job.limits.memory_bytes = kCheckMemory;
    // Each source has its own ten seconds; this is for what goes wrong beside them.
    job.limits.timeout = std::chrono::hours(1);
    job.environment = default_environment(job.limits);
    return job;
}

/// How many sources from `first` on one sandbox takes.
std::size_t batch_size(const std::vector<Source>& sources, std::size_t first) {
    std::size_t bytes = 0;
    std::size_t count = 0;
    while (first + count < sources.size() && count < kBatchSources) {
        bytes += sources[first + count].bytes.size();
        if (count > 0 && bytes > kBatchBytes) break;
        ++count;
    }
    return count;
}

std::string ending(const Result& result) {
    switch (result.status) {
        case Status::kMemory:
            return concat("checking it took more than ", format_bytes(kCheckMemory));
        case Status::kTimeout:
            return "checking it took too long";
        case Status::kSignaled:
            return *result.signal == SIGALRM
                       ? "checking it took more than ten seconds"
                       : concat("checking it ended in signal ", *result.signal);
        default:
            return "its check did not come to an end";
    }
}

}  // namespace

std::vector<std::vector<Finding>> check_sources(const CheckRequest& request) {
    std::vector<std::vector<Finding>> findings(request.sources.size());
    const Job job = check_job(request);
    for (std::size_t first = 0; first < request.sources.size();) {
        const std::size_t count = batch_size(request.sources, first);
        const auto begin = std::next(request.sources.begin(), static_cast<std::ptrdiff_t>(first));
        const std::vector<Source> batch(begin,
                                        std::next(begin, static_cast<std::ptrdiff_t>(count)));
        RunReport report = run(job, {.profiles = request.profiles, .checks = &batch});
        if (report.result.error) {
            throw Error(concat("cannot check: ", report.result.error->message),
                        report.result.error->hint);
        }
        for (python::CheckedSource& checked : report.checked) {
            if (checked.index < count)
                findings[first + checked.index] = std::move(checked.findings);
        }
        if (report.checked.size() >= count) {
            first += count;
            continue;
        }
        // Sources are checked in order: it died over the one after the last that was done.
        const std::size_t victim = first + report.checked.size();
        findings[victim] = {python::make_finding(python::Rule::kNotChecked, ending(report.result))};
        first = victim + 1;
    }
    return findings;
}

}  // namespace vitrine::runtime
