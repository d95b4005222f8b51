// Runs one job, cold: a fresh interpreter in a fresh sandbox.
#pragma once

#include <linux/seccomp.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "python/claims.h"
#include "runtime/hold_options.h"
#include "runtime/moment.h"
#include "vitrine/job.h"
#include "vitrine/result.h"

namespace vitrine::runtime {

/// How a run meets its caller. Descriptors are borrowed.
struct RunOptions {
    std::string profiles;  ///< Directory of seccomp profiles, with `policy/` in it.
    int stdout_fd = -1;    ///< Gets the job's stdout as it comes; -1: only the result has it.
    int stderr_fd = -1;
    int terminal_fd = -1;  ///< Of a job with a terminal: ours, raw while it runs.
    /// Called once the job is confined, before its program runs, with its isolation as it is.
    std::function<void(const Isolation&)> on_confined;
    int status_fd = -1;  ///< Gets `{"child-pid": N}`, then `{"exit-code": N}`, one line each.
    /// One of them at most: what the program is held for before its first line.
    std::optional<StraceOptions> strace;
    std::optional<DebuggerOptions> debugger;
    /// Not null: these sources are checked in the job's sandbox, and nothing runs.
    const std::vector<Source>* checks = nullptr;
    /// Not -1: nothing runs; a snapshot of the job's rootfs is written there. See snapshot.h.
    int snapshot_fd = -1;
    std::vector<std::string> snapshot_modules;  ///< Imported before.
    /// Not empty: the job goes on from this one, a path below its rootfs, whoever has written it.
    std::string snapshot_file;
    /// Not empty: told of every system call that the program makes, and what the filter decides of
    /// it (a SECCOMP_RET_* value). For trusted programs: nothing bounds what telling costs.
    std::function<void(const seccomp_data& call, std::uint32_t outcome)> on_call;
};

/// A run's result and what the caller should be told beside it.
struct RunReport {
    Result result;
    std::vector<python::CheckedSource> checked;  ///< With RunOptions::checks, as far as it got.
    std::optional<std::uint64_t> checking;       ///< The last source that was come to.
    int exit_code = 0;                           ///< For `vitrine run`.
    int interrupt_signal = 0;                    ///< The caller's, that ended it early; 0 for none.
    const char* no_snapshot = "";  ///< Why a cold run started an interpreter; empty: it did not.
    std::vector<Moment> story;     ///< By time; a launch that failed tells how far it came.
    std::vector<std::string> warnings;  ///< Limits that had to degrade, with reason and remedy.
};

/// How a run ended that should have exited with 0, for the text of an error.
std::string describe_end(const Result& result);

/// Runs `job` to its end. Everything that can go wrong after the job was built is in the result
/// (`setup_error`); nothing of the run is left when this returns. SIGINT, SIGTERM, SIGHUP and
/// SIGQUIT end the job meanwhile; one that waits for a debugger goes on by SIGUSR1. The calling
/// process must be single-threaded and have no other children: a job can make processes that become
/// children of this one, and they are reaped.
RunReport run(const Job& job, const RunOptions& options);

}  // namespace vitrine::runtime
