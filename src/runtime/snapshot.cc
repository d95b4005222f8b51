#include "runtime/snapshot.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/fd.h"
#include "kernel/process_image.h"
#include "rootfs/description.h"
#include "rootfs/snapshot.h"
#include "runtime/host.h"
#include "runtime/job_defaults.h"
#include "runtime/run.h"

namespace vitrine::runtime {

namespace {

/// Of numpy and pandas together it takes 90 MiB.
constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 30;

/// A rootfs that may be somebody else's: its path can lead elsewhere at any moment, and what comes
/// of its code belongs to it alone. Whoever is not root has no rights that its owner has not, and
/// their sandboxes open paths for themselves.
class HeldRootfs {
  public:
    explicit HeldRootfs(const std::string& directory)
        : fd_(open_file(directory, O_PATH | O_DIRECTORY)),
          path_(host_identity().is_privileged ? concat("/proc/self/fd/", fd_.get()) : directory) {}

    int fd() const { return fd_.get(); }
    const std::string& path() const { return path_; }

  private:
    UniqueFd fd_;
    std::string path_;
};

Job snapshot_job(const HeldRootfs& rootfs) {
    Job job;
    job.id = "snapshot";
    job.source = {.name = "<snapshot>", .bytes = {}};
    complete_job(job, rootfs.path());
    job.limits.ulimits.push_back({RLIMIT_FSIZE, kMostBytes, kMostBytes});
    return job;
}

void expect_success(const RunReport& report) {
    const Result& result = report.result;
    if (report.interrupt_signal != 0) throw rootfs::SnapshotInterrupted(report.interrupt_signal);
    if (result.status == Status::kExited && result.exit_code == 0) return;
    throw Error(describe_end(result),
                result.error ? result.error->hint
                             : "'vitrine doctor' says whether this host can run programs");
}

/// One that no program goes on from is worse than none.
void try_out(const HeldRootfs& rootfs, const std::string& profiles, const std::string& file) {
    // Something can be in its place by chance.
    constexpr int kTries = 3;
    const char* problem = "";
    for (int i = 0; i < kTries; ++i) {
        const RunReport report =
            run(snapshot_job(rootfs), {.profiles = profiles, .snapshot_file = file});
        expect_success(report);
        problem = report.no_snapshot;
        if (*problem == '\0') return;
    }
    throw Error(concat("no program could go on from it: ", problem));
}

/// The payload is given no file of the host's to write to.
UniqueFd make_image(const HeldRootfs& rootfs, const std::string& profiles,
                    const std::vector<std::string>& modules) {
    UniqueFd image(check(::memfd_create("snapshot", MFD_CLOEXEC), "making room", "memfd_create"));
    expect_success(
        run(snapshot_job(rootfs),
            {.profiles = profiles, .snapshot_fd = image.get(), .snapshot_modules = modules}));
    if (!kernel::is_whole_image(image.get())) throw Error("what it left is no snapshot");
    return image;
}

}  // namespace

bool has_snapshots() noexcept {
    return kernel::kHasProcessImages;
}

std::size_t make_snapshot(const std::string& directory, const std::string& profiles,
                          const std::vector<std::string>& modules) {
    (void)rootfs::read_description(directory);
    return with_context(concat("keeping a started Python of '", directory, "'"), [&] {
        const HeldRootfs held(directory);
        rootfs::NewSnapshot made(held.fd());
        const UniqueFd image = make_image(held, profiles, modules);
        made.fill(image.get());
        try_out(held, profiles, made.path());
        made.publish();
        return static_cast<std::size_t>(
            check(::lseek(image.get(), 0, SEEK_END), "measuring it", "lseek"));
    });
}

}  // namespace vitrine::runtime
