// The values of `run`'s flags, one function a flag: text in, data out. All throw UsageError.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vitrine/job.h"

namespace vitrine::cli {

using Environment = std::vector<std::pair<std::string, std::string>>;

/// `K=V`, or `K` for the caller's value (nothing when the caller has none).
void add_variable(Environment& environment, const std::string& text);
/// A file of such lines, ended as Unix or DOS does; blanks before a name are none of it, and blank
/// lines and those that start with `#` are skipped.
void add_variables_from(Environment& environment, const std::string& path);

/// `UID[:GID]`; GID is UID where it is left out. 0 is refused.
void set_user(Job& job, const std::string& text);

/// `/tmp[:size=64m[,nr_inodes=16k]]`
void set_tmpfs(Limits& limits, const std::string& text);

/// `1m` or `1m:kill`
void set_max_output(Limits& limits, const std::string& text);

/// `head`, `tail` or `both`
void set_output_keep(Limits& limits, const std::string& text);

/// `PATH:RATE`, PATH a block device of the host; `kind` is the key of io.max.
void add_device_limit(Limits& limits, const char* kind, const std::string& text);

/// Docker's meaning: memory and swap together; `-1` for as much swap as there is.
void set_memory_swap(Limits& limits, const std::string& text);

/// `seccomp=PROFILE`
std::string parse_security_option(const std::string& text);

/// Comma-separated layers, each one of `cgroup`, `landlock`, `groups`, `memfd_noexec`.
std::vector<std::string> parse_layers(const std::string& text);

/// A positive number, no larger than a machine can be.
double parse_cpus(const std::string& text);

/// `[A-Za-z0-9._-]{1,64}`
std::string checked_id(const std::string& text);

/// JSON, an array or an object.
void check_arguments_json(const std::string& text);

}  // namespace vitrine::cli
