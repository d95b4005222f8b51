// Limits the kernel keeps per process: setrlimit(2).
//
// Beside a cgroup they are a second line (descriptors, core files, locked memory); without one they
// are all there is for memory and processes.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "vitrine/job.h"

namespace vitrine::limits {

/// What holds a job's memory and processes.
enum class Backend { kCgroup, kRlimit };

/// Parses `NAME=SOFT[:HARD]`, docker's form; `unlimited` and `-1` mean no limit. Throws UsageError
/// for an unknown name (listing the known ones), a soft limit above the hard one, and a hard limit
/// above the caller's own.
Ulimit parse_ulimit(std::string_view text);

/// Bytes a job may hold where no cgroup counts them: its own, and what an interpreter holds before
/// the program's first line.
std::uint64_t allowed_memory(const Limits& limits);

/// What a payload sets before untrusted code, one entry a resource. A job's own `--ulimit` wins
/// over everything here but RLIMIT_CORE.
std::vector<Ulimit> rlimits_for(const Limits& limits, Backend backend);

}  // namespace vitrine::limits
