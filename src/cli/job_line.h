// One line of a batch's input, as a job.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/error.h"
#include "batch/source.h"
#include "cli/run_flags.h"
#include "cli/source_file.h"
#include "vitrine/job.h"

namespace vitrine::cli {

/// What the flags of `batch` say about every job.
struct JobDefaults {
    Job job;                ///< Complete but for its id, source and arguments.
    Environment variables;  ///< Of `job.environment`, what the flags set.
};

/// Whether the job of this id is to be left out.
using IsDone = std::function<bool(const std::string& id)>;

/// Reads `{"id", "source"|"path", "entry", "args", "stdin", "limits", "env"}`. What is wrong with
/// the line, or with the file it names, is the entry's answer. Nothing when the job is done.
std::optional<batch::Entry> read_job_line(const JobDefaults& defaults, const std::string& line,
                                          std::uint64_t number, const IsDone& is_done);

/// Reads a line of `--each`: an array or an object of arguments for `defaults.job`, whose source is
/// the script.
std::optional<batch::Entry> read_arguments_line(const JobDefaults& defaults,
                                                const std::string& line, std::uint64_t number,
                                                const IsDone& is_done);

/// The job of a script of its own.
batch::Entry read_script_job(const JobDefaults& defaults, const std::string& path,
                             const std::string& id);

/// The answer to a line that is no job.
batch::Entry refuse_line(const std::string& id, std::uint64_t number, const Error& error);

/// The id of a job whose line gives none.
std::string id_of_line(std::uint64_t number);

}  // namespace vitrine::cli
