// Many jobs at a time, warm or cold, watched by one thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/event_loop.h"
#include "runtime/hold_options.h"
#include "runtime/run.h"
#include "vitrine/job.h"
#include "vitrine/preload.h"

namespace vitrine::runtime {

using vitrine::Preload;

struct EngineOptions {
    std::string profiles;  ///< Directory of seccomp profiles, with `policy/` in it.
    unsigned workers = 1;  ///< Jobs running at a time.
    bool is_cold = false;  ///< A fresh interpreter per job instead of a zygote's fork.
    Preload preload;
    /// Every job is traced: what strace is called with, and the directory that gets a file for each
    /// job (trace_files.h).
    std::optional<StraceOptions> strace;
    /// Warm: a network namespace is made for every job, instead of handing one on that no job has
    /// left a trace in.
    bool has_fresh_networks = false;
};

/// A warm interpreter that payloads are forked from, by one process or by several with one memory.
struct Zygote {
    std::string rootfs;
    std::uint64_t memory_bytes = 0;  ///< Resident once it was warm; 0 while it is not.
    std::size_t processes = 1;       ///< That share this memory.
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
    /// What it keeps warm now.
    virtual std::vector<Zygote> zygotes() const = 0;
    /// Ends every job that runs and answers every queued one, as interrupted by `signal`.
    virtual void interrupt(int signal) = 0;
    /// What turn() waits with: whoever drives the engine may watch descriptors of its own.
    virtual EventLoop& events() = 0;
};

/// Nothing is started before the first job comes. Throws Error when the host cannot be worked with.
std::unique_ptr<Engine> make_engine(EngineOptions options);

}  // namespace vitrine::runtime
