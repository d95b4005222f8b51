#include "runtime/snapshot.h"

#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "kernel/process_image.h"
#include "rootfs/snapshot.h"
#include "runtime/job_defaults.h"
#include "runtime/run.h"

namespace vitrine::runtime {

namespace {

constexpr const char* kDoing = "keeping a started Python of '";

Job snapshot_job(const std::string& directory) {
    Job job;
    job.id = "snapshot";
    job.source = {.name = "<snapshot>", .bytes = {}};
    complete_job(job, directory);
    return job;
}

std::string reason_for(const Result& result) {
    if (result.error) return concat(result.error->step, ": ", result.error->message);
    if (result.limit) return concat("it was ended by the limit '", result.limit->name, "'");
    if (result.signal) return concat("it was ended by signal ", *result.signal);
    return concat("it exited with ", result.exit_code.value_or(-1));
}

void expect_success(const std::string& directory, const RunReport& report) {
    const Result& result = report.result;
    if (result.status == Status::kExited && result.exit_code == 0) return;
    throw Error(concat(kDoing, directory, "': ", reason_for(result)),
                result.error ? result.error->hint
                             : "'vitrine doctor' says whether this host can run programs");
}

/// One that no program goes on from is worse than none.
void try_out(const std::string& directory, const std::string& profiles) {
    try {
        const RunReport report = run(snapshot_job(directory), {.profiles = profiles});
        expect_success(directory, report);
        if (*report.no_snapshot == '\0') return;
        throw Error(concat(kDoing, directory, "': it was kept, but ", report.no_snapshot));
    } catch (const Error&) {
        rootfs::drop_snapshot(directory);
        throw;
    }
}

}  // namespace

std::size_t make_snapshot(const std::string& directory, const std::string& profiles,
                          const std::vector<std::string>& modules) {
    // The payload is given no file of the host's to write to.
    const UniqueFd image(check(::memfd_create("snapshot", MFD_CLOEXEC),
                               "making room for the snapshot", "memfd_create"));
    expect_success(directory, run(snapshot_job(directory), {.profiles = profiles,
                                                            .snapshot_fd = image.get(),
                                                            .snapshot_modules = modules}));
    if (!kernel::is_whole_image(image.get())) {
        throw Error(concat(kDoing, directory, "': what it left is no snapshot"));
    }
    const off_t size = check(::lseek(image.get(), 0, SEEK_END), "reading the snapshot", "lseek");
    rootfs::keep_snapshot(directory, image.get());
    try_out(directory, profiles);
    return static_cast<std::size_t>(size);
}

}  // namespace vitrine::runtime
