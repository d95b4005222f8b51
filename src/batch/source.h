// Where the jobs of a batch come from.
#pragma once

#include <cstdint>
#include <optional>

#include "runtime/run.h"
#include "vitrine/job.h"

namespace vitrine::batch {

/// One job, or the answer to one that cannot be run.
struct Entry {
    Job job;
    std::uint64_t line = 0;                    ///< Of the input; 0 where it has no lines.
    std::optional<runtime::RunReport> answer;  ///< Set: nothing is run, this is the result.
};

enum class Next { kEntry, kNotYet, kEnd };

class Source {
  public:
    virtual ~Source() = default;

    /// Never waits. What is wrong with one job is its answer; throws an Error where the input
    /// itself cannot be read any further.
    virtual Next next(Entry& entry) = 0;
    /// Readable when next() may know more; -1 where it never says kNotYet.
    virtual int fd() const { return -1; }
    /// How much of the input was taken, from 0 to 1; empty when nobody can tell.
    virtual std::optional<double> share() const = 0;
    /// Jobs that were left out because they are done (`--resume`).
    virtual std::uint64_t skipped() const { return 0; }
};

}  // namespace vitrine::batch
