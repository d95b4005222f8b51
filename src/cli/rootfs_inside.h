// Running what makes a rootfs in a sandbox of that rootfs.
#pragma once

#include "rootfs/compile.h"

namespace vitrine::cli {

/// Runs `program` as a job: under every layer but the policy, which is about programs of others.
/// Throws Error with the reason and what to do.
void run_inside(const rootfs::InsideProgram& program);

}  // namespace vitrine::cli
