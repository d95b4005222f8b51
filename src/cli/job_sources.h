// What `vitrine batch` takes its jobs from.
#pragma once

#include <memory>
#include <string>

#include "batch/source.h"
#include "cli/job_line.h"

namespace vitrine::cli {

/// Lines of jobs from a file, or from stdin for `-`. Throws an Error when it cannot be opened.
std::unique_ptr<batch::Source> open_job_lines(const std::string& path, JobDefaults defaults,
                                              IsDone is_done);

/// Lines of arguments for one script, which is `defaults.job.source`.
std::unique_ptr<batch::Source> open_argument_lines(const std::string& path, JobDefaults defaults,
                                                   IsDone is_done);

/// Every `*.py` below a directory, in the order of their names; a job's id is its path below it.
/// Links to files are followed, links to directories are not.
std::unique_ptr<batch::Source> open_directory(const std::string& path, JobDefaults defaults,
                                              IsDone is_done);

/// The same job `count` times; the ids are numbered: `ID-1`, `ID-2`…
std::unique_ptr<batch::Source> repeat_job(Job job, std::uint64_t count);

}  // namespace vitrine::cli
