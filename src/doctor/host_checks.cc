#include "doctor/host_checks.h"

#include <linux/filter.h>
#include <linux/mount.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "base/error.h"
#include "doctor/trial_process.h"
#include "kernel/mount.h"
#include "kernel/seccomp.h"
#include "runtime/diagnosis.h"
#include "runtime/image.h"
#include "sandbox/identity.h"
#include "sandbox/network.h"

namespace vitrine::doctor {

namespace {

using kernel::Submounts;
using sandbox::Failure;
using sandbox::Step;

Check check_calls(const runtime::HostFacts& facts) {
    if (!facts.refused_calls.empty()) {
        return judged("system-calls", runtime::advise_on_refused_calls(facts));
    }
    return passed(
        "system-calls",
        concat("Linux ", facts.kernel, ", glibc ", facts.libc, ": every call of a launch is there",
               facts.has_outer_filter ? ", also behind the seccomp filter around" : ""));
}

Check judge(std::string name, const std::optional<Failure>& failure, std::string found,
            const runtime::HostFacts& facts) {
    if (!failure) return passed(std::move(name), std::move(found));
    if (const auto advice = runtime::diagnose(*failure, facts)) {
        Check check = judged(std::move(name), *advice);
        check.notes.push_back(
            concat("step ", sandbox::step_name(failure->step), ": ", failure->message));
        return check;
    }
    return {.name = std::move(name),
            .verdict = Verdict::kFail,
            .found = concat("step ", sandbox::step_name(failure->step), ": ", failure->message),
            .cause = {},
            .remedy = failure->hint};
}

void make_namespaces() {
    constexpr std::array<std::pair<int, const char*>, 5> kKinds{{{CLONE_NEWNET, "network"},
                                                                 {CLONE_NEWIPC, "ipc"},
                                                                 {CLONE_NEWUTS, "uts"},
                                                                 {CLONE_NEWCGROUP, "cgroup"},
                                                                 {CLONE_NEWNS, "mount"}}};
    for (const auto& [flag, kind] : kKinds)
        check(::unshare(flag), concat("making a ", kind, " namespace"), "unshare");
    constexpr std::string_view kName = "vitrine";
    check(::sethostname(kName.data(), kName.size()), "setting the hostname", "sethostname");
}

void use_network() {
    check(::unshare(CLONE_NEWNET), "making a network namespace", "unshare");
    sandbox::bring_loopback_up();
}

/// What the base of a sandbox is made of, on a directory every host has.
void use_mounts() {
    constexpr const char* kPlace = "/usr";
    kernel::make_mounts_private();
    const UniqueFd tree = kernel::clone_tree(kPlace, Submounts::kTakeAlong);
    kernel::restrict_mount(tree.get(), MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
                           Submounts::kTakeAlong);
    const UniqueFd base = kernel::make_filesystem("tmpfs", {{"mode", "0755"}, {"size", "1m"}},
                                                  MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
    kernel::attach_mount(base.get(), kPlace);
    kernel::pivot_into(kPlace);
}

void use_proc() {
    check(::unshare(CLONE_NEWNS), "making a mount namespace", "unshare");
    kernel::make_mounts_private();
    (void)kernel::make_filesystem("proc", {}, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
}

void use_seccomp() {
    sandbox::forbid_new_privileges();
    constexpr std::array<sock_filter, 1> kAllow{{{BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW}}};
    kernel::install_filter(kAllow);
}

/// Which every other step needs.
Check check_user_namespaces(const runtime::HostFacts& facts) {
    const auto failure = try_in_child(Step::kStartZygote, CLONE_NEWUSER | CLONE_NEWNS, [] {});
    return judge("user-namespaces", failure, "made, and its ids mapped", facts);
}

}  // namespace

std::vector<Check> check_host(const runtime::HostFacts& facts) {
    std::vector<Check> checks{check_calls(facts), check_user_namespaces(facts)};
    if (checks.back().verdict == Verdict::kPass) {
        checks.push_back(
            judge("namespaces", try_in_sandbox(Step::kNamespaces, [] { make_namespaces(); }),
                  "pid, network, ipc, uts, cgroup and mount, in one of their own", facts));
        checks.push_back(judge("network", try_in_sandbox(Step::kNetwork, [] { use_network(); }),
                               "one with nothing but a loopback of its own", facts));
        checks.push_back(
            judge("mounts",
                  try_in_child(Step::kBuildRoot, CLONE_NEWUSER | CLONE_NEWNS, [] { use_mounts(); }),
                  "a root of read-only trees can be made and entered", facts));
        checks.push_back(judge("proc", try_in_sandbox(Step::kMountRoot, [] { use_proc(); }),
                               "a fresh one can be mounted", facts));
    }
    const auto program =
        try_in_child(Step::kExecGuest, 0, [] { (void)runtime::make_guest_image(); });
    checks.push_back(judge("program", program, "programs can be started from memory", facts));
    checks.push_back(judge("seccomp", try_in_child(Step::kSeccomp, 0, [] { use_seccomp(); }),
                           "a filter can be installed", facts));
    return checks;
}

}  // namespace vitrine::doctor
