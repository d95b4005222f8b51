// Programs of the host that help to make a rootfs.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "kernel/process.h"

namespace vitrine::rootfs {

/// Whom a program runs as.
struct Account {
    uid_t uid;
    gid_t gid;
};

/// Whether PATH has a program `name`.
bool is_in_path(const std::string& name);

/// Starts `words`, looked for in PATH unless it has a slash, with stdout in `output_fd`; stdin and
/// stderr are the caller's. It gets SIGTERM when we die. With an account it is that one, in no
/// further group, which takes root.
kernel::Cloned start_program(std::vector<std::string> words, int output_fd,
                             const std::optional<Account>& account = {});

/// Waits for its end. Throws Error, saying how it ended, unless that was well.
void await_success(const kernel::Cloned& child, const std::string& name);

}  // namespace vitrine::rootfs
