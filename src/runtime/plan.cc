#include "runtime/plan.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <iterator>

#include "base/error.h"
#include "kernel/mount.h"
#include "kernel/refused_calls.h"
#include "limits/rlimits.h"
#include "python/interpreter.h"
#include "python/policy_file.h"
#include "python/program.h"
#include "python/warm.h"
#include "rootfs/description.h"
#include "runtime/accounts.h"
#include "runtime/binds.h"
#include "runtime/command.h"
#include "seccomp/cache.h"
#include "seccomp/guards.h"
#include "seccomp/load.h"

namespace vitrine::runtime {

namespace {

using RootEntry = sandbox::SandboxSpec::RootEntry;

/// Top-level names of a rootfs that the sandbox makes itself, or hides.
constexpr std::array<std::string_view, 5> kOwnEntries{"dev", "proc", "sys", "tmp", ".vitrine"};

bool is_required(const Job& job, std::string_view layer) {
    return std::ranges::find(job.required, layer) != job.required.end();
}

RootEntry describe_entry(const std::filesystem::directory_entry& entry) {
    RootEntry described{.name = entry.path().filename()};
    if (entry.is_symlink()) {
        described.kind = RootEntry::Kind::kSymlink;
        described.target = std::filesystem::read_symlink(entry.path());
    } else if (!entry.is_directory()) {
        described.kind = RootEntry::Kind::kFile;
    }
    return described;
}

std::vector<RootEntry> list_root(const std::string& rootfs) {
    std::vector<RootEntry> entries;
    for (const auto& entry : std::filesystem::directory_iterator(rootfs)) {
        const std::string name = entry.path().filename();
        if (std::ranges::find(kOwnEntries, name) == kOwnEntries.end()) {
            entries.push_back(describe_entry(entry));
        }
    }
    std::ranges::sort(entries, {}, &RootEntry::name);
    return entries;
}

/// Root opens what it shows: the zygote's id may not be able to reach it. Anybody else's zygote
/// has the caller's id, and opens the path itself.
sandbox::TreeSource take_tree(const HostIdentity& identity, SandboxPlan& plan,
                              const std::string& path, const std::string& destination) {
    struct stat info{};
    check(::stat(path.c_str(), &info), concat("opening '", path, "'"), "stat");
    sandbox::TreeSource tree{
        .path = path, .is_directory = S_ISDIR(info.st_mode), .destination = destination};
    if (identity.is_privileged) {
        tree.fd_index = static_cast<std::int32_t>(plan.trees.size());
        plan.trees.push_back(kernel::clone_tree(path, kernel::Submounts::kTakeAlong));
    }
    return tree;
}

sandbox::TreeSource take_bound_tree(const HostIdentity& identity, SandboxPlan& plan,
                                    const Bind& bind) {
    struct stat info{};
    check(::stat(bind.source.c_str(), &info), concat("opening '", bind.source, "'"), "stat");
    sandbox::TreeSource tree{.path = bind.source,
                             .is_directory = S_ISDIR(info.st_mode),
                             .destination = bind.destination,
                             .is_writable = bind.is_writable};
    if (identity.is_privileged) {
        tree.fd_index = static_cast<std::int32_t>(plan.trees.size());
        plan.trees.push_back(take_bind(bind.source, bind.is_writable, identity.map));
    }
    return tree;
}

/// A bind below another is mounted after it, whichever was named first.
std::vector<Bind> parents_first(std::vector<Bind> binds) {
    std::ranges::stable_sort(
        binds, {}, [](const Bind& bind) { return std::ranges::count(bind.destination, '/'); });
    return binds;
}

std::string encode_interpreter(const rootfs::PythonDescription& description) {
    return python::encode(python::InterpreterSpec{.libpython = description.libpython,
                                                  .libraries = description.libraries,
                                                  .prefix = description.prefix,
                                                  .stdlib = description.search_path.front(),
                                                  .search_path = description.search_path});
}

seccomp::SubArchitectures sub_architectures_of(const Job& job) {
    return job.compat_arch ? seccomp::SubArchitectures::kOn : seccomp::SubArchitectures::kOff;
}

seccomp::Filter load_filter(const Job& job, const std::string& profiles) {
    return seccomp::load_filter(
        job.seccomp_profile,
        {.profiles_directory = profiles, .cache_directory = seccomp::default_cache_directory()},
        sub_architectures_of(job));
}

python::Program program_of(const Job& job) {
    return {.source = job.source,
            .arguments = job.arguments,
            .entry = job.entry,
            .policy = {},
            .checks = {}};
}

/// Later entries win, in the place of the first.
std::vector<std::pair<std::string, std::string>> final_environment(const Job& job) {
    std::vector<std::pair<std::string, std::string>> environment;
    for (const auto& [name, value] : job.environment) {
        const auto known =
            std::ranges::find(environment, name, [](const auto& entry) { return entry.first; });
        if (known == environment.end()) {
            environment.emplace_back(name, value);
        } else {
            known->second = value;
        }
    }
    return environment;
}

}  // namespace

SandboxPlan plan_sandbox(const Job& job, const HostIdentity& identity) {
    SandboxPlan plan;
    sandbox::SandboxSpec& spec = plan.spec;
    spec.uid = job.uid;
    spec.gid = job.gid;
    spec.hostname = job.hostname;
    spec.tmpfs_bytes = job.limits.tmpfs_bytes;
    spec.tmpfs_inodes = job.limits.tmpfs_inodes;
    spec.keeps_artifacts = !job.artifacts.empty();
    spec.may_execute = !job.command.empty();
    spec.has_terminal = job.has_terminal;
    plan_step("rootfs", [&] {
        const rootfs::PythonDescription description = rootfs::read_description(job.rootfs);
        if (job.command.empty()) spec.interpreter = encode_interpreter(description);
        spec.root_entries = list_root(job.rootfs);
        spec.made_files = name_ids(job.rootfs, job.uid, job.gid);
        spec.rootfs = take_tree(identity, plan, job.rootfs, "/");
    });
    for (const Bind& bind : parents_first(job.binds)) {
        plan_step("bind", [&] { spec.binds.push_back(take_bound_tree(identity, plan, bind)); });
    }
    spec.required = {.landlock = is_required(job, "landlock"),
                     .no_groups = is_required(job, "groups"),
                     .no_executable_memfds = is_required(job, "memfd_noexec")};
    return plan;
}

PayloadPlan plan_confinement(const Job& job, const std::string& profiles, bool has_cgroup) {
    PayloadPlan plan;
    plan.filter = plan_step("seccomp-profile", [&] { return load_filter(job, profiles); });
    plan.spec.workdir = job.workdir;
    if (job.has_terminal) plan.spec.filters.push_back(seccomp::terminal_guard());
    if (std::ranges::any_of(job.binds, &Bind::is_writable)) {
        plan.spec.filters.push_back(seccomp::set_id_guard(plan.filter.programs));
    }
    // The profile's last: a listener is the last filter's.
    std::ranges::copy(plan.filter.programs, std::back_inserter(plan.spec.filters));
    if (job.explains_denied) have_calls_told(plan, seccomp::Notify::kDenied);
    plan.spec.rlimits = plan_step("rlimits", [&] {
        return limits::rlimits_for(
            job.limits, has_cgroup ? limits::Backend::kCgroup : limits::Backend::kRlimit);
    });
    return plan;
}

void have_calls_told(PayloadPlan& plan, seccomp::Notify what) {
    plan_step("listen-to-filter", [&] {
        if (kernel::has_seccomp_filter()) {
            throw Error(
                "a seccomp filter is on this process already, which answers system calls before "
                "anybody hears of them, and may have a listener of its own",
                "run vitrine outside of the container or service that has the filter");
        }
        if (plan.filter.programs.size() != 1) {
            throw Error(concat("the profile is installed as several filters, of which one answers "
                               "before the other is heard: ",
                               plan.filter.warning),
                        "use one profile of those that are joined by '+'");
        }
        plan.spec.filters.back() = seccomp::notifying(plan.filter.programs.front(), what);
        plan.spec.is_listened_to = true;
    });
}

seccomp::DenialStudy plan_denial_study(const Job& job, const std::string& profiles) {
    return plan_step("explain-denied", [&] {
        seccomp::HostFacts host = seccomp::host_facts();
        host.sub_architectures = sub_architectures_of(job);
        return seccomp::DenialStudy(seccomp::read_parts(job.seccomp_profile, profiles), host);
    });
}

python::Policy plan_policy(const Job& job, const std::string& profiles) {
    return plan_step("policy",
                     [&] { return python::load_policy(job.policy, profiles + "/policy"); });
}

PayloadPlan plan_payload(const Job& job, const std::string& profiles, bool has_cgroup,
                         const std::vector<Source>* checks) {
    PayloadPlan plan = plan_confinement(job, profiles, has_cgroup);
    plan.spec.environment = final_environment(job);
    if (!job.command.empty()) {
        plan.spec.program = encode_command(job.command);
        return plan;
    }
    python::Program program = program_of(job);
    program.policy = plan_policy(job, profiles);
    if (checks != nullptr) program.checks = *checks;
    plan.spec.program = python::encode(program);
    return plan;
}

std::string plan_snapshot_heap(const Job& job, const std::string& profiles,
                               const std::vector<std::string>& modules) {
    return python::encode(
        python::Preload{.modules = modules,
                        .script = {},
                        .policy = modules.empty() ? plan_policy(job, profiles) : python::Policy{},
                        .programs_bring_policies = true});
}

sandbox::WarmProgram plan_warm_program(const Job& job) {
    return {.environment = final_environment(job),
            .program = python::encode_without_policy(program_of(job))};
}

}  // namespace vitrine::runtime
