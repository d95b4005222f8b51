// Numbers and names of system calls on any architecture: libseccomp's tables, and ours of calls
// that are newer than it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "seccomp/arch.h"

namespace vitrine::seccomp {

/// The number of the call `name` on `arch`, the x32 bit included; empty where it has none. Calls
/// that are reached through `socketcall` or `ipc` alone have none.
std::optional<std::uint32_t> call_number(const std::string& name, const Architecture& arch);

/// The name of the call `number`; empty when there is none.
std::string call_name(std::uint32_t number, const Architecture& arch);

/// Whether `name` is a system call anywhere at all; if not, it may be a slip of the pen.
bool is_known_call(const std::string& name);

}  // namespace vitrine::seccomp
