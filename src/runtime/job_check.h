// What a job may be. The command line refuses the rest by the flag's name; this is for jobs that
// were built by a program.
#pragma once

#include <string>

#include "vitrine/job.h"

namespace vitrine::runtime {

/// Throws UsageError.
void check_hostname(const std::string& hostname);
void check_workdir(const std::string& path);

inline constexpr double kMaxCpus = 8192;             ///< No Linux has more.
inline constexpr std::uint64_t kMaxPids = 4194304;   ///< As many as the kernel counts.
inline constexpr std::uint64_t kMaxId = 4294967294;  ///< -1 means "unchanged" to the kernel.
/// Layers that Job::required may name.
inline constexpr const char* kLayers[] = {"cgroup", "landlock", "groups", "memfd_noexec"};

/// Checks a completed job that somebody else built, and replaces the sources of its binds by what
/// their links lead to. Throws UsageError that names the member.
void check_job(Job& job);

}  // namespace vitrine::runtime
