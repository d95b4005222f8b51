// What of the host a job is shown: --ro-bind, --bind, -v.
#pragma once

#include <string>

#include "vitrine/job.h"

namespace vitrine::cli {

enum class BindAccess { kReadOnly, kReadWrite };

/// `SRC[:DST]`, followed by `:ro` or `:rw` where that is what `access` says; DST is SRC where it is
/// left out. Throws UsageError for the host's root, /proc, /sys, /dev, what is neither file nor
/// directory, Vitrine's own files, and a DST the sandbox needs for itself.
Bind parse_bind(const std::string& text, BindAccess access);

/// `SRC:DST[:ro|:rw]`, docker's spelling. Throws as parse_bind does.
Bind parse_volume(const std::string& text);

}  // namespace vitrine::cli
