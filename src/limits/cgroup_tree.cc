#include "limits/cgroup_tree.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/directory.h"
#include "base/error.h"
#include "base/file.h"
#include "limits/cgroup_values.h"
#include "limits/systemd_scope.h"

namespace vitrine::limits {

namespace {

/// Root's jobs are below this, at the top of the hierarchy.
constexpr const char* kRootGroup = "/vitrine";
constexpr const char* kSupervisorGroup = "/vitrine-supervisor";
constexpr std::string_view kLeafPrefix = "job-";
/// Short, so that a job at its quota waits milliseconds, not a tenth of a second; see
/// docs/performance.md.
constexpr std::uint64_t kCpuPeriodUs = 20000;
constexpr const char* kNoLimit = "max";

const std::vector<std::string>& needed_controllers() {
    static const std::vector<std::string> kNames{"cpu", "memory", "pids"};
    return kNames;
}

std::string join(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names)
        text += concat(text.empty() ? "" : ", ", name);
    return text;
}

// ── what is missing, and the remedy ──

Unavailable explain_no_hierarchy(const CgroupHost& host) {
    return advise(host.v1_controllers.empty() ? Cause::kCgroupNone : Cause::kCgroupV1);
}

Unavailable explain_not_given(const CgroupHost& host, const std::vector<std::string>& missing) {
    const bool is_systemds = host.has_systemd && ::geteuid() != 0;
    return advise(is_systemds ? Cause::kCgroupNotPassedOn : Cause::kCgroupLacksControllers,
                  {host.own_path + "/", join(missing)});
}

Unavailable explain_occupied(const CgroupHost& host) {
    return advise(Cause::kCgroupOccupied, {host.own_path + "/", host.mount_point + host.own_path});
}

Unavailable explain_foreign(const CgroupHost& host, const std::string& no_scope) {
    return advise(no_scope.empty() ? Cause::kCgroupNotDelegated : Cause::kCgroupNoScope,
                  {host.own_path + "/", no_scope});
}

// ── making room ──

void make_directory(const std::string& path) {
    if (::mkdir(path.c_str(), 0755) == 0 || errno == EEXIST) return;
    throw SystemError(concat("making the cgroup '", path, "'"), "mkdir");
}

/// Passes controllers on to children; io too where it is there. Written only where something is
/// missing: the kernel takes a lock over all cgroups for it.
void pass_controllers_on(const std::string& directory) {
    std::vector<std::string> wanted = needed_controllers();
    if (missing_from(read_words(directory, "cgroup.controllers"), {"io"}).empty()) {
        wanted.emplace_back("io");
    }
    std::string change;
    for (const auto& name : missing_from(read_words(directory, "cgroup.subtree_control"), wanted))
        change += concat(change.empty() ? "+" : " +", name);
    if (!change.empty()) write_kernel_file(directory + "/cgroup.subtree_control", change);
}

/// Root's tree: a group of our own at the top.
void prepare_root(const std::string& mount_point) {
    pass_controllers_on(mount_point);
    make_directory(mount_point + kRootGroup);
    pass_controllers_on(mount_point + kRootGroup);
}

/// What was delegated may hold no process besides its children's.
void prepare_delegated(const std::string& directory) {
    const std::string own = directory + kSupervisorGroup;
    make_directory(own);
    write_kernel_file(own + "/cgroup.procs", "0");
    pass_controllers_on(directory);
}

/// A supervisor started by one that moved finds itself below what was delegated.
std::string without_supervisor_group(const std::string& path) {
    const std::string_view group = kSupervisorGroup;
    return path.ends_with(group) ? path.substr(0, path.size() - group.size()) : path;
}

/// Where leaves may go, before anything was changed for it.
struct Place {
    std::string path;
    bool is_delegated = false;
};

bool is_delegated_to_us(const CgroupHost& host) {
    const std::string directory = host.mount_point + host.own_path;
    if (!may_manage(directory) || !is_alone_in(directory)) return false;
    // systemd takes back what it did not give away, whoever owns the files.
    return !host.has_systemd || is_marked_delegated(directory);
}

/// Only a cgroup namespace's top has a type: the true one has none.
bool is_true_top(const CgroupHost& host) {
    return ::access((host.mount_point + "/cgroup.type").c_str(), F_OK) != 0;
}

std::expected<Place, Unavailable> find_root_place(const CgroupHost& host) {
    const std::string own = host.mount_point + host.own_path;
    const bool is_at_namespace_top = host.own_path.empty() && !is_true_top(host);
    if (is_at_namespace_top && !is_alone_in(own)) return std::unexpected(explain_occupied(host));
    if (is_at_namespace_top || (is_marked_delegated(own) && is_alone_in(own))) {
        return Place{host.own_path, true};
    }
    return Place{kRootGroup, false};
}

std::expected<Place, Unavailable> find_user_place(CgroupHost& host, const CgroupSources& sources) {
    if (is_delegated_to_us(host)) return Place{host.own_path, true};
    if (!host.has_systemd) {
        const bool is_ours = may_manage(host.mount_point + host.own_path);
        return std::unexpected(is_ours ? explain_occupied(host) : explain_foreign(host, {}));
    }
    if (const auto problem = enter_user_scope()) {
        return std::unexpected(explain_foreign(host, *problem));
    }
    host = look_at_host(sources);
    return Place{host.own_path, true};
}

std::optional<Unavailable> find_obstacle(const CgroupHost& host) {
    if (host.mount_point.empty()) return explain_no_hierarchy(host);
    if (host.is_read_only) return advise(Cause::kCgroupReadOnly, {host.mount_point});
    const auto missing =
        missing_from(read_words(host.mount_point, "cgroup.controllers"), needed_controllers());
    const auto nowhere = missing_from(host.v1_controllers, missing);
    if (nowhere.size() < missing.size())
        return advise(Cause::kCgroupV1Mixed, {join(missing_from(nowhere, missing))});
    if (!missing.empty() && is_true_top(host))
        return advise(Cause::kCgroupSwitchedOff, {join(missing)});
    return std::nullopt;
}

// ── a leaf's values ──

std::string cpu_quota(double cpus) {
    return std::to_string(std::max<long>(1000, std::lround(cpus * kCpuPeriodUs)));
}

std::string or_unlimited(std::uint64_t value) {
    return value == ~std::uint64_t{0} ? kNoLimit : std::to_string(value);
}

std::vector<CgroupValue> values_for(const Limits& limits, std::uint64_t own_processes) {
    const std::string quota = cpu_quota(limits.cpus);
    return {{"memory", "memory.max", std::to_string(limits.memory_bytes)},
            // A job is to end at its limit, not to crawl below it.
            {"memory", "memory.high", kNoLimit},
            {"memory", "memory.swap.max", or_unlimited(limits.swap_bytes)},
            {"memory", "memory.oom.group", "1"},
            {"pids", "pids.max", std::to_string(limits.pids + own_processes)},
            {"cpu", "cpu.max", concat(quota, " ", kCpuPeriodUs)},
            // What one period did not use the next one may: a start-up is not all waiting.
            {"cpu", "cpu.max.burst", quota}};
}

/// Without what this kernel does not have: swap accounting, or bursts (Linux 5.14).
std::vector<CgroupValue> known_here(std::vector<CgroupValue> values, const std::string& directory) {
    std::erase_if(values, [&](const CgroupValue& value) {
        return ::access(concat(directory, "/", value.file).c_str(), F_OK) != 0;
    });
    return values;
}

void write_device_limits(const std::vector<DeviceLimit>& limits, const std::string& directory) {
    for (const DeviceLimit& limit : limits) {
        write_kernel_file(directory + "/io.max", concat(limit.major, ":", limit.minor, " ",
                                                        limit.kind, "=", limit.per_second));
    }
}

}  // namespace

CgroupTree::CgroupTree(std::string mount_point, std::string path)
    : mount_point_(std::move(mount_point)), path_(std::move(path)), self_(this_owner()) {}

std::expected<CgroupTree, Unavailable> CgroupTree::discover(const CgroupSources& sources) {
    CgroupHost host = look_at_host(sources);
    if (auto obstacle = find_obstacle(host)) return std::unexpected(std::move(*obstacle));
    host.own_path = without_supervisor_group(host.own_path);
    auto place = ::geteuid() == 0 ? find_root_place(host) : find_user_place(host, sources);
    if (!place) return std::unexpected(place.error());
    const std::string looked_at = host.mount_point + (place->is_delegated ? place->path : "");
    if (const auto missing =
            missing_from(read_words(looked_at, "cgroup.controllers"), needed_controllers());
        !missing.empty()) {
        return std::unexpected(explain_not_given(host, missing));
    }
    try {
        if (place->is_delegated) {
            prepare_delegated(looked_at);
        } else {
            prepare_root(host.mount_point);
        }
    } catch (const Error& error) {
        return std::unexpected(advise(Cause::kCgroupNotOurs, {error.what()}));
    }
    return CgroupTree(host.mount_point, place->path);
}

CgroupLeaf CgroupTree::make_leaf(const Limits& limits, std::uint64_t own_processes) const {
    std::string path;
    std::string directory;
    int made = -1;
    for (int number = 0; made != 0; ++number) {
        path = concat(path_, "/", kLeafPrefix, to_text(self_), "-", number);
        directory = mount_point_ + path;
        made = ::mkdir(directory.c_str(), 0755);
        if (made != 0 && errno != EEXIST) {
            throw SystemError(concat("making the cgroup '", path, "'"), "mkdir");
        }
    }
    CgroupLeaf leaf(mount_point_, path);  // Owns the directory from here on.
    write_values(path, known_here(values_for(limits, own_processes), directory));
    write_device_limits(limits.devices, directory);
    return leaf;
}

int CgroupTree::sweep() const {
    int swept = 0;
    for (const std::string& entry : names_in(mount_point_ + path_)) {
        std::string_view name = entry;
        if (!name.starts_with(kLeafPrefix)) continue;
        name.remove_prefix(kLeafPrefix.size());
        const auto owner = parse_owner(name.substr(0, name.rfind('-')));
        if (!owner || !is_gone(*owner, self_)) continue;
        try {
            const CgroupLeaf left_behind(mount_point_, concat(path_, "/", entry));
            ++swept;
        } catch (const Error&) {
            // Another supervisor was faster.
        }
    }
    return swept;
}

}  // namespace vitrine::limits
