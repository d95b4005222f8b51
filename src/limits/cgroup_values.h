// Reading and writing a cgroup's files by libcgroup.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace vitrine::limits {

struct CgroupValue {
    const char* controller;  ///< `memory`
    const char* file;        ///< `memory.max`
    std::string value;
};

/// Writes values of the cgroup `path` (below the cgroup v2 mount). Throws Error naming the cgroup.
void write_values(const std::string& path, const std::vector<CgroupValue>& values);

/// A file of one number; empty when the kernel does not keep it.
std::optional<std::uint64_t> read_number(const std::string& path, const char* controller,
                                         const char* file);

/// A file of `key number` lines; empty when the kernel does not keep it.
std::map<std::string, std::uint64_t> read_counters(const std::string& path, const char* controller,
                                                   const char* file);

}  // namespace vitrine::limits
