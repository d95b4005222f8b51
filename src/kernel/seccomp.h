// Installing a seccomp filter: seccomp(2). What the filter says is the seccomp room's business.
#pragma once

#include <linux/filter.h>

#include <span>

namespace vitrine::kernel {

/// Installs `program` for the calling process, for good. Needs no_new_privs. Throws SystemError.
void install_filter(std::span<const sock_filter> program);

}  // namespace vitrine::kernel
