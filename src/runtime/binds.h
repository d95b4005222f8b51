// Taking the trees a job is shown, where the supervisor is root.
#pragma once

#include <string>

#include "base/fd.h"
#include "sandbox/identity.h"

namespace vitrine::runtime {

/// A detached copy of the mounts at `path`, to be shown to a job that is the outside ids of `map`.
/// To the job, what belongs to the owner of `path` is its own: it can read what only that owner
/// may, and what it writes there is that owner's. Where the file system knows no idmapped mounts
/// the tree is taken as it is, if everybody may read it and nothing is to be written; otherwise
/// throws Error.
UniqueFd take_bind(const std::string& path, bool is_writable, const sandbox::IdMap& map);

}  // namespace vitrine::runtime
