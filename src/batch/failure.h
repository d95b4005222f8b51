// What to say of a job that did not end well.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "runtime/run.h"

namespace vitrine::batch {

struct Failure {
    std::string id;
    Status status = Status::kSetupError;
    std::string kind;     ///< What many have in common: `ValueError`, `SIGSEGV`, `VT101 …`.
    std::string message;  ///< What happened to this one.
    int exit_code = 0;
};

/// Whether the job ended with anything but success.
bool is_failure(const runtime::RunReport& report);

/// Much of it is the job's claim: bounded here, and to be escaped wherever it is shown.
Failure failure_of(const runtime::RunReport& report);

/// All failures counted by kind, and the first of them in full.
class FailureLog {
  public:
    void add(Failure failure);

    struct Kind {
        std::string name;
        Status status = Status::kSetupError;
        std::uint64_t count = 0;
        std::string example;  ///< The first one's id.
    };
    /// Most frequent first. What came after the table of kinds was full is one kind, `others`.
    std::vector<Kind> kinds() const;
    const std::vector<Failure>& first() const { return first_; }
    std::uint64_t count() const { return count_; }

  private:
    std::map<std::string, Kind> kinds_;
    std::vector<Failure> first_;
    std::uint64_t count_ = 0;
};

}  // namespace vitrine::batch
