#include "sandbox/identity.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/securebits.h>
#include <sched.h>
#include <signal.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <memory>

#include "base/error.h"
#include "base/file.h"
#include "kernel/process.h"

namespace vitrine::sandbox {

namespace {

using CapState = std::unique_ptr<std::remove_pointer_t<cap_t>, decltype(&cap_free)>;

constexpr unsigned kLockedSecurebits =
    SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED |
    SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;

std::string single_id_map(std::uint32_t inside, std::uint32_t outside) {
    return concat(inside, " ", outside, " 1");
}

}  // namespace

void write_id_map(const std::string& proc_directory, const IdMap& map) {
    if (map.deny_setgroups) write_kernel_file(proc_directory + "/setgroups", "deny");
    write_kernel_file(proc_directory + "/uid_map", single_id_map(map.inside_uid, map.outside_uid));
    write_kernel_file(proc_directory + "/gid_map", single_id_map(map.inside_gid, map.outside_gid));
}

UniqueFd make_user_namespace(const IdMap& map) {
    const kernel::Cloned holder =
        kernel::clone_process({.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD});
    if (holder.pid == 0) {
        kernel::die_with_parent();
        for (;;)
            ::pause();
    }
    const auto end = [&] {
        kernel::send_signal(holder.pidfd.get(), SIGKILL);
        (void)kernel::wait_for(holder.pidfd.get());
    };
    try {
        const std::string directory = concat("/proc/", holder.pid);
        write_id_map(directory, map);
        UniqueFd held = open_file(directory + "/ns/user", O_RDONLY);
        end();
        return held;
    } catch (...) {
        end();
        throw;
    }
}

void clear_groups() {
    check(::setgroups(0, nullptr), "emptying the supplementary groups", "setgroups");
}

bool has_no_extra_groups() {
    // What every group outside the map is shown as: no group can be told to be it.
    constexpr gid_t kOverflowGid = 65534;
    std::array<gid_t, 64> groups{};
    const int count = ::getgroups(static_cast<int>(groups.size()), groups.data());
    return count == 0 || (count == 1 && groups[0] == ::getgid() && groups[0] != kOverflowGid);
}

void set_ids(std::uint32_t uid, std::uint32_t gid) {
    check(::setresgid(gid, gid, gid), "taking the job's group id", "setresgid");
    check(::setresuid(uid, uid, uid), "taking the job's user id", "setresuid");
}

void drop_all_capabilities() {
    // The bounding set first: shrinking it needs CAP_SETPCAP.
    for (cap_value_t cap = 0; cap < cap_max_bits(); ++cap) {
        check(cap_drop_bound(cap), "emptying the bounding set", "prctl(PR_CAPBSET_DROP)");
    }
    // libcap's cap_reset_ambient() asks for each capability first.
    check(::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0), "emptying the ambient set",
          "prctl(PR_CAP_AMBIENT)");
    check(cap_set_secbits(kLockedSecurebits), "locking the securebits", "prctl(PR_SET_SECUREBITS)");
    const CapState none(cap_init(), &cap_free);
    check(cap_set_proc(none.get()), "giving up the capabilities", "capset");
}

std::vector<std::string> held_capabilities() {
    // None can be in the ambient set that is not in both the permitted and the inheritable one.
    const CapState state(cap_get_proc(), &cap_free);
    std::vector<std::string> held;
    for (cap_value_t cap = 0; cap < cap_max_bits(); ++cap) {
        bool is_held = cap_get_bound(cap) > 0;
        for (const cap_flag_t set : {CAP_PERMITTED, CAP_EFFECTIVE, CAP_INHERITABLE}) {
            cap_flag_value_t value = CAP_CLEAR;
            if (cap_get_flag(state.get(), cap, set, &value) == 0) is_held |= value == CAP_SET;
        }
        if (!is_held) continue;
        const std::unique_ptr<char, decltype(&cap_free)> name(cap_to_name(cap), &cap_free);
        held.emplace_back(name.get());
    }
    return held;
}

void forbid_new_privileges() {
    check(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "setting no_new_privs",
          "prctl(PR_SET_NO_NEW_PRIVS)");
}

}  // namespace vitrine::sandbox
