// The files that a batch's traces go to, one a job.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace vitrine::runtime {

class TraceFiles {
  public:
    explicit TraceFiles(std::string directory) : directory_(std::move(directory)) {}

    /// `DIRECTORY/ID.strace`. What is no letter, digit, dot, hyphen or underscore of the id is an
    /// underscore in the name, as is a dot in front; a name that was given out already gets a
    /// number: `ID-2.strace`.
    std::string path_for(const std::string& job_id);

  private:
    std::string directory_;
    /// Names that were given out, and the last number that was tried for another of that name.
    std::map<std::string, std::uint64_t> given_;
};

}  // namespace vitrine::runtime
