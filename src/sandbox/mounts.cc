#include "sandbox/mounts.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>
#include <string_view>

#include "base/error.h"
#include "base/file.h"
#include "kernel/mount.h"

namespace vitrine::sandbox {

namespace {

using kernel::Submounts;
using RootEntry = SandboxSpec::RootEntry;

constexpr std::uint64_t kReadOnlyTree = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
constexpr std::uint64_t kReadOnlyData = kReadOnlyTree | MOUNT_ATTR_NOEXEC;
constexpr std::uint64_t kScratch = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

/// A directory every host has, which carries the base until the pivot. Not /proc: init and payload,
/// born before, use that meanwhile.
constexpr const char* kBaseMountPoint = "/dev";

struct Device {
    const char* name;
    unsigned major;
    unsigned minor;
};

constexpr std::array<Device, 6> kDevices{{{"null", 1, 3},
                                          {"zero", 1, 5},
                                          {"full", 1, 7},
                                          {"random", 1, 8},
                                          {"urandom", 1, 9},
                                          {"tty", 5, 0}}};

struct Link {
    const char* name;
    const char* target;
};

constexpr const char* kSharedMemory = "/tmp/.shm";
constexpr const char* kArtifacts = "/tmp/out";
constexpr std::array<Link, 5> kDeviceLinks{{{"fd", "/proc/self/fd"},
                                            {"stdin", "/proc/self/fd/0"},
                                            {"stdout", "/proc/self/fd/1"},
                                            {"stderr", "/proc/self/fd/2"},
                                            {"shm", kSharedMemory}}};

/// What of /proc tells about the host and not about the job: Docker's masked paths (moby,
/// `DefaultMaskedPaths`) and those that its LSM profile or nothing at all covers.
constexpr std::array<const char*, 7> kMaskedProcDirectories{"acpi", "asound", "bus", "driver",
                                                            "fs",   "irq",    "scsi"};
constexpr std::array<const char*, 22> kMaskedProcFiles{
    "cmdline",       "config.gz",  "consoles",      "diskstats",  "interrupts",  "iomem",
    "ioports",       "kallsyms",   "kcore",         "key-users",  "keys",        "kmsg",
    "kpagecount",    "kpageflags", "latency_stats", "partitions", "sched_debug", "softirqs",
    "sysrq-trigger", "timer_list", "timer_stats",   "vmallocinfo"};

void make_directory(const std::string& path, unsigned mode = 0755) {
    if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST) {
        throw SystemError(concat("making the directory '", path, "'"), "mkdir");
    }
}

void make_empty_file(const std::string& path) {
    (void)open_file(path, O_WRONLY | O_CREAT, 0444);
}

void make_link(const std::string& path, const std::string& target) {
    check(::symlink(target.c_str(), path.c_str()), concat("making the link '", path, "'"),
          "symlink");
}

void make_mount_point(const std::string& path, bool is_directory) {
    if (is_directory) return make_directory(path);
    make_empty_file(path);
}

/// Makes every directory that leads to `path` below `root`, then the mount point itself.
void make_mount_point_below(const std::string& root, const std::string& path, bool is_directory) {
    for (std::size_t slash = path.find('/', 1); slash != std::string::npos;
         slash = path.find('/', slash + 1)) {
        make_directory(root + path.substr(0, slash));
    }
    make_mount_point(root + path, is_directory);
}

UniqueFd take_tree(const TreeSource& source, std::span<UniqueFd> trees) {
    if (source.fd_index < 0) return kernel::clone_tree(source.path, Submounts::kTakeAlong);
    return std::move(trees[static_cast<std::size_t>(source.fd_index)]);
}

UniqueFd take_device(const Device& device) {
    const std::string path = concat("/dev/", device.name);
    UniqueFd tree = kernel::clone_tree(path, Submounts::kLeaveOut);
    struct stat info{};
    check(::fstat(tree.get(), &info), concat("looking at '", path, "'"), "fstat");
    // A /dev/null that is something else has been the way out of a container before.
    if (!S_ISCHR(info.st_mode) || info.st_rdev != makedev(device.major, device.minor)) {
        throw Error(concat("'", path, "' is not the device it should be"));
    }
    kernel::restrict_mount(tree.get(), MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC,
                           Submounts::kLeaveOut);
    return tree;
}

std::span<const Device> devices_of(const SandboxSpec& spec) {
    // /dev/tty, the last, is whatever terminal controls the process that opens it: the job's own.
    return std::span(kDevices).first(kDevices.size() - (spec.has_terminal ? 0 : 1));
}

std::vector<UniqueFd> take_devices(const SandboxSpec& spec) {
    std::vector<UniqueFd> devices;
    for (const Device& device : devices_of(spec))
        devices.push_back(take_device(device));
    return devices;
}

void add_root_entry(const std::string& rootfs, const std::string& root, const RootEntry& entry) {
    const std::string path = concat(root, "/", entry.name);
    if (entry.kind == RootEntry::Kind::kSymlink) return make_link(path, entry.target);
    make_mount_point(path, entry.kind == RootEntry::Kind::kDirectory);
    const UniqueFd tree =
        kernel::clone_tree(concat(rootfs, "/", entry.name), Submounts::kTakeAlong);
    kernel::attach_mount(tree.get(), path);
}

void add_devices(const SandboxSpec& spec, const std::string& root,
                 const std::vector<UniqueFd>& devices) {
    make_directory(root + "/dev");
    if (spec.has_terminal) make_directory(root + kTerminalDirectory);
    for (std::size_t i = 0; i < devices.size(); ++i) {
        const std::string path = concat(root, "/dev/", kDevices.at(i).name);
        make_empty_file(path);
        kernel::attach_mount(devices[i].get(), path);
    }
    for (const Link& link : kDeviceLinks)
        make_link(concat(root, "/dev/", link.name), link.target);
}

void attach_in_root(int tree_fd, const std::string& root, const std::string& path) {
    const UniqueFd root_fd = open_file(root, O_PATH | O_DIRECTORY);
    const UniqueFd target = kernel::open_in_root(root_fd.get(), path);
    kernel::attach_mount(tree_fd, target.get());
}

/// A read-only mount of one file of the base's own on the file it stands in for.
void add_made_file(const MadeFile& made, const std::string& path, const std::string& base) {
    {
        const UniqueFd file = open_file(path, O_WRONLY | O_CREAT | O_EXCL, 0444);
        write_all(file.get(), made.content);
    }
    const UniqueFd tree = kernel::clone_tree(path, Submounts::kLeaveOut);
    kernel::restrict_mount(tree.get(), kReadOnlyData, Submounts::kLeaveOut);
    attach_in_root(tree.get(), base + kBaseRoot, made.path);
}

bool is_in_tmp(const std::string& path) {
    return path.starts_with("/tmp/");
}

bool is_in_rootfs(const SandboxSpec& spec, const std::string& path) {
    const std::string top = path.substr(1, path.find('/', 1) - 1);
    for (const RootEntry& entry : spec.root_entries) {
        if (entry.name == top) return true;
    }
    return false;
}

/// Whether an earlier bind already covers the destination. Its files are somebody's: there a mount
/// point is found, in the sandbox's root, and never made.
bool is_in_earlier_bind(const SandboxSpec& spec, std::size_t index) {
    const std::string& path = spec.binds[index].destination;
    for (std::size_t i = 0; i < index; ++i) {
        const std::string& earlier = spec.binds[i].destination;
        if (path == earlier || path.starts_with(earlier + "/")) return true;
    }
    return false;
}

/// Binds below /tmp wait in the base: every sandbox has its own /tmp to put them in.
std::string parked_bind(std::size_t index) {
    return concat("/binds/", index);
}

void add_bind(const SandboxSpec& spec, std::size_t index, int tree_fd, const std::string& base) {
    const TreeSource& bind = spec.binds[index];
    const std::string root = base + kBaseRoot;
    if (is_in_tmp(bind.destination)) {
        make_mount_point(base + parked_bind(index), bind.is_directory);
        return kernel::attach_mount(tree_fd, base + parked_bind(index));
    }
    if (!is_in_rootfs(spec, bind.destination) && !is_in_earlier_bind(spec, index)) {
        make_mount_point_below(root, bind.destination, bind.is_directory);
    }
    attach_in_root(tree_fd, root, bind.destination);
}

void add_parked_binds(const SandboxSpec& spec, const std::string& root) {
    for (std::size_t i = 0; i < spec.binds.size(); ++i) {
        const TreeSource& bind = spec.binds[i];
        if (!is_in_tmp(bind.destination)) continue;
        if (!is_in_earlier_bind(spec, i)) {
            make_mount_point_below(root, bind.destination, bind.is_directory);
        }
        const UniqueFd tree = kernel::clone_tree(parked_bind(i), Submounts::kTakeAlong);
        attach_in_root(tree.get(), root, bind.destination);
    }
}

/// What covers a directory: a read-only mount, whose copies are read-only, too.
void add_cover(const std::string& path) {
    const UniqueFd cover = kernel::clone_tree(path, Submounts::kLeaveOut);
    kernel::restrict_mount(cover.get(), MOUNT_ATTR_RDONLY, Submounts::kLeaveOut);
    kernel::attach_mount(cover.get(), path);
}

/// Which of them there are depends on the kernel; some of each kind there are in every one.
void mask_all(std::span<const char* const> names, const std::string& proc,
              const std::string& with) {
    std::size_t covered = 0;
    for (const char* name : names)
        covered += kernel::cover(concat(proc, "/", name), with) ? 1 : 0;
    if (covered == 0) throw Error(concat("nothing of /proc could be covered with '", with, "'"));
}

/// What covers is read-only already.
void mask_proc(const std::string& root) {
    mask_all(kMaskedProcDirectories, root + "/proc", "/empty");
    mask_all(kMaskedProcFiles, root + "/proc", root + "/dev/null");
}

void mount_proc(const std::string& root) {
    const UniqueFd proc = kernel::make_filesystem("proc", {}, kScratch);
    kernel::attach_mount(proc.get(), root + "/proc");
}

void make_open_directory(const std::string& path) {
    make_directory(path);
    check(::chmod(path.c_str(), 01777), concat("opening '", path, "' to the job"), "chmod");
}

UniqueFd mount_tmp(const SandboxSpec& spec, const std::string& root) {
    const UniqueFd tmp = kernel::make_filesystem("tmpfs",
                                                 {{"mode", "1777"},
                                                  {"size", std::to_string(spec.tmpfs_bytes)},
                                                  {"nr_inodes", std::to_string(spec.tmpfs_inodes)}},
                                                 kScratch);
    kernel::attach_mount(tmp.get(), root + "/tmp");
    make_open_directory(root + kSharedMemory);
    if (!spec.keeps_artifacts) return {};
    make_open_directory(root + kArtifacts);
    return open_file(root + "/tmp", O_RDONLY | O_DIRECTORY);
}

}  // namespace

void enter_base(const SandboxSpec& spec, std::span<UniqueFd> trees) {
    kernel::make_mounts_private();
    const UniqueFd host_proc = kernel::clone_tree("/proc", Submounts::kTakeAlong);
    const std::vector<UniqueFd> devices = take_devices(spec);
    const UniqueFd rootfs = take_tree(spec.rootfs, trees);
    kernel::restrict_mount(rootfs.get(), kReadOnlyTree, Submounts::kTakeAlong);
    std::vector<UniqueFd> binds;
    for (const TreeSource& bind : spec.binds) {
        binds.push_back(take_tree(bind, trees));
        kernel::restrict_mount(binds.back().get(), bind.is_writable ? kScratch : kReadOnlyData,
                               Submounts::kTakeAlong);
    }

    const std::string base = kBaseMountPoint;
    kernel::attach_mount(
        kernel::make_filesystem("tmpfs", {{"mode", "0755"}, {"size", "4m"}}, kScratch).get(), base);
    for (const char* name : {kBaseRoot, kBaseHostProc, kBaseRootfs, "/binds", "/empty"}) {
        make_directory(base + name);
    }
    add_cover(base + "/empty");
    kernel::attach_mount(host_proc.get(), base + kBaseHostProc);
    kernel::attach_mount(rootfs.get(), base + kBaseRootfs);
    const std::string root = base + kBaseRoot;
    for (const RootEntry& entry : spec.root_entries)
        add_root_entry(base + kBaseRootfs, root, entry);
    make_directory(root + "/proc");
    make_directory(root + "/tmp");
    add_devices(spec, root, devices);
    for (std::size_t i = 0; i < spec.made_files.size(); ++i)
        add_made_file(spec.made_files[i], concat(base, "/made-", i), base);
    for (std::size_t i = 0; i < binds.size(); ++i) {
        with_context(
            concat("binding '", spec.binds[i].path, "' on '", spec.binds[i].destination, "'"),
            [&] { add_bind(spec, i, binds[i].get(), base); });
    }
    kernel::pivot_into(base);
}

UniqueFd enter_sandbox_root(const SandboxSpec& spec) {
    const std::string root = kBaseRoot;
    const UniqueFd tree = kernel::clone_tree(root, Submounts::kTakeAlong);
    kernel::restrict_mount(tree.get(), kReadOnlyTree, Submounts::kLeaveOut);
    kernel::attach_mount(tree.get(), root);
    mount_proc(root);
    UniqueFd tmp = mount_tmp(spec, root);
    add_parked_binds(spec, root);
    mask_proc(root);
    kernel::pivot_into(root);
    return tmp;
}

Terminal make_terminal() {
    // An instance of its own: the host's terminals are not in it. `max` is this one.
    const UniqueFd pts =
        kernel::make_filesystem("devpts", {{"mode", "0600"}, {"ptmxmode", "0000"}, {"max", "1"}},
                                MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
    kernel::attach_mount(pts.get(), kTerminalDirectory);
    Terminal made;
    made.master = open_file(concat(kTerminalDirectory, "/ptmx"), O_RDWR | O_NOCTTY);
    int unlocked = 0;
    check(::ioctl(made.master.get(), TIOCSPTLCK, &unlocked), "making the job's terminal",
          "ioctl(TIOCSPTLCK)");
    made.slave = open_file(kTerminalPath, O_RDWR | O_NOCTTY);
    // Its owner could change modes and times.
    kernel::restrict_mount(kTerminalDirectory, MOUNT_ATTR_RDONLY, Submounts::kLeaveOut);
    return made;
}

void seal_proc() {
    kernel::restrict_mount("/proc", MOUNT_ATTR_RDONLY, Submounts::kLeaveOut);
}

}  // namespace vitrine::sandbox
