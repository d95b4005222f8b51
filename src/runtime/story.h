// A launch told step by step: what happened when, as the supervisor saw it or as the sandbox
// reported before untrusted code had a say.
#pragma once

#include <cstdint>
#include <vector>

#include "kernel/process_image.h"
#include "runtime/moment.h"
#include "runtime/watch.h"

namespace vitrine::runtime {

/// The end of a sentence; empty where one was used, or fits but for once.
const char* why_no_snapshot(kernel::Misfit misfit);

class Story {
  public:
    explicit Story(std::int64_t start_ns) : start_ns_(start_ns) {}

    /// `what` happened just now. A literal.
    void note(const char* what);
    /// What the processes of the sandbox say, and the end.
    void take(const Observed& observed);
    /// By time. What happened before the run started, in a warm one, is not part of it.
    std::vector<Moment> told() const;

  private:
    void note_at(std::int64_t ns, const char* what);

    std::int64_t start_ns_;
    std::vector<Moment> moments_;
};

}  // namespace vitrine::runtime
