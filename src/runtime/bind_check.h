// Which parts of a host may be shown to a job, and where.
#pragma once

#include <string>

namespace vitrine::runtime {

/// Throws UsageError for the host's root, /proc, /sys, /dev, what is neither file nor directory,
/// and Vitrine's own files; for a writable bind also for a directory that holds those. `path` is
/// absolute and free of links.
void check_bind_source(const std::string& path, bool is_writable);

/// `text` as a place in the sandbox, in its shortest form. Throws UsageError for one that is none,
/// and for those the sandbox needs for itself.
std::string checked_bind_destination(const std::string& text);

}  // namespace vitrine::runtime
