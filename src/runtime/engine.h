// Many jobs at a time, warm or cold, watched by one thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime/run.h"
#include "vitrine/job.h"

namespace vitrine::runtime {

/// What an engine's zygotes hold before any job comes. Trusted: imported without a policy.
struct Preload {
    std::vector<std::string> modules;
    std::string script;  ///< Source of a preload script; empty for none.
};

struct EngineOptions {
    std::string profiles;  ///< Directory of seccomp profiles, with `policy/` in it.
    unsigned workers = 1;  ///< Jobs running at a time.
    bool is_cold = false;  ///< A fresh interpreter per job instead of a zygote's fork.
    Preload preload;
    /// Warm: a network namespace is made for every job, instead of handing one on that no job has
    /// left a trace in.
    bool has_fresh_networks = false;
};

/// Runs many jobs at a time. Single-threaded: jobs are watched, and `Done` is called, within
/// turn(). Not thread-safe.
class Engine {
  public:
    using Done = std::function<void(RunReport)>;
    virtual ~Engine() = default;

    /// Queues a job. It is answered exactly once, whatever happens.
    virtual void submit(Job job, Done done) = 0;
    /// Submitted and not answered yet.
    virtual std::size_t pending() const = 0;
    /// Handles what has happened; waits for something, at most `patience` long, when nothing has.
    virtual void turn(std::chrono::milliseconds patience) = 0;
    /// Ends every job that runs and answers every queued one, as interrupted by `signal`.
    virtual void interrupt(int signal) = 0;
};

/// Nothing is started before the first job comes. Throws Error when the host cannot be worked with.
std::unique_ptr<Engine> make_engine(EngineOptions options);

}  // namespace vitrine::runtime
