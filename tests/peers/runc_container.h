// A container of runc's, started for its filter.
#pragma once

#include <linux/filter.h>
#include <sys/types.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace vitrine::test {

/// `linux.seccomp` of the OCI configuration that podman makes for a container without capabilities
/// under the profile in `profile_path`: resolved by podman, for this host. Needs root. Throws
/// Error.
nlohmann::json podman_resolves(const std::string& profile_path);

/// The programs that the kernel runs for a container of runc's that was started with this
/// `linux.seccomp`, last installed first. Needs root. The container is gone afterwards. Throws
/// Error.
std::vector<std::vector<sock_filter>> runc_installs(const nlohmann::json& seccomp);

}  // namespace vitrine::test
