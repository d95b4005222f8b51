// The flags that describe a job: those of `run`, which are the defaults of `batch`.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "vitrine/job.h"

namespace CLI {
class App;
}

namespace vitrine::cli {

/// The flags as they are written; what they mean is worked out once all are known.
struct JobFlags {
    std::vector<std::vector<std::string>> limits;  ///< One list for each of limit_flags().
    std::string rootfs, workdir, user, hostname, network, security, cap_drop, env_file;
    std::string policy, entry, arguments, stdin_path, artifacts, require;
    std::string log_level, log_format;
    std::vector<std::string> binds, writable_binds, volumes, variables;
    bool compat_arch = false;
    bool explain_denied = false;
    bool no_validate = false;
    bool no_snapshot = false;
    bool quiet = false;
    int verbosity = 0;
};

/// How Vitrine speaks on stderr.
struct Voice {
    int verbosity = 0;
    LogLevel level = LogLevel::kInfo;
    LogFormat format = LogFormat::kText;
};

/// `flags` must live as long as `app`.
void add_job_flags(CLI::App& app, JobFlags& flags);

/// Sets everything of `job` but its id, source and arguments; limits that no flag sets stay as
/// they are. Throws UsageError that names the flag.
void apply_job_flags(const JobFlags& flags, const std::string& default_rootfs, Job& job);

/// What --env-file and -e say: the job's environment beyond the one every job has.
std::vector<std::pair<std::string, std::string>> read_variables(const JobFlags& flags);

Voice read_voice(const JobFlags& flags);

/// Every name of every flag of `app`, with its dashes.
std::vector<std::string> flag_names(const CLI::App& app);

/// Throws UsageError for `word`, which is no flag of `verb`, with the nearest that is.
[[noreturn]] void refuse_flag(const CLI::App& app, const std::string& verb,
                              const std::string& word);

/// Runs `action` where a flag was given a value; what it throws names the flag.
template <typename Action>
void with_flag(const char* flag, const std::string& text, Action&& action) {
    if (!text.empty()) with_context(flag, std::forward<Action>(action));
}

}  // namespace vitrine::cli
