#include "runtime/snapshot.h"

#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "rootfs/snapshot.h"
#include "runtime/job_defaults.h"
#include "runtime/run.h"

namespace vitrine::runtime {

namespace {

constexpr std::size_t kMostBytes = std::size_t{256} << 20;

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

}  // namespace

std::size_t make_snapshot(const std::string& directory, const std::string& profiles) {
    // The payload is given no file of the host's to write to.
    const UniqueFd image(check(::memfd_create("snapshot", MFD_CLOEXEC),
                               "making room for the snapshot", "memfd_create"));
    const Result result =
        run(snapshot_job(directory), {.profiles = profiles, .snapshot_fd = image.get()}).result;
    if (result.status != Status::kExited || result.exit_code != 0) {
        throw Error(concat("keeping a started Python of '", directory, "': ", reason_for(result)),
                    result.error ? result.error->hint
                                 : "'vitrine doctor' says whether this host can run programs");
    }
    check(::lseek(image.get(), 0, SEEK_SET), "reading the snapshot", "lseek");
    const std::string bytes = read_all(image.get(), kMostBytes);
    rootfs::keep_snapshot(directory, bytes);
    return bytes.size();
}

}  // namespace vitrine::runtime
