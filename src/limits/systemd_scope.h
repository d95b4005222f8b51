// A cgroup of our own from systemd: a transient scope with Delegate=yes, asked for over D-Bus.
#pragma once

#include <optional>
#include <string>

namespace vitrine::limits {

/// Moves this process into a new scope of the user's own service manager, below which it may make
/// cgroups; systemd removes the scope once it is empty. Takes a few milliseconds. Returns why it
/// could not be had. libsystemd is loaded here and nowhere else: who never asks never pays.
std::optional<std::string> enter_user_scope();

}  // namespace vitrine::limits
