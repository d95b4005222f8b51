// Who a process is: ids, supplementary groups, capabilities, securebits, no_new_privs.
//
// The only user of libcap. Everything here changes the calling process for good.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/fd.h"

namespace vitrine::sandbox {

/// Writes the maps of the new user namespace of process `pid`: one id inside for one outside.
/// `deny_setgroups` first gives up setgroups(2) there, which the kernel demands of a caller
/// without privilege.
struct IdMap {
    std::uint32_t inside_uid = 0;
    std::uint32_t inside_gid = 0;
    std::uint32_t outside_uid = 0;
    std::uint32_t outside_gid = 0;
    bool deny_setgroups = true;
};
void write_id_map(const std::string& proc_directory, const IdMap& map);

/// A user namespace with that map and nobody in it; the caller must be privileged. Throws
/// SystemError.
UniqueFd make_user_namespace(const IdMap& map);

/// Empties the supplementary groups; needs CAP_SETGID and a map that allows it.
void clear_groups();

/// True when the calling process has no supplementary group but its own primary one.
bool has_no_extra_groups();

/// Sets the real, effective and saved ids.
void set_ids(std::uint32_t uid, std::uint32_t gid);

/// Empties the bounding, ambient, inheritable, permitted and effective sets, and locks the
/// securebits so that no id change or exec can fill them again.
void drop_all_capabilities();

/// The names of all capabilities in any set of the calling process; empty after
/// drop_all_capabilities.
std::vector<std::string> held_capabilities();

/// Sets no_new_privs.
void forbid_new_privileges();

}  // namespace vitrine::sandbox
