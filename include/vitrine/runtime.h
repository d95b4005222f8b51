// libvitrine: jobs run from a program of yours. Link with what `pkg-config --libs vitrine` says.
//
// Sandboxes are made by a supervisor in a process of its own, which is started when the first job
// comes and ends with its Runtime or with your program, however that ends; all jobs end with it.
// Your program may have threads, children and signal handlers as it likes: the supervisor is not
// among its children (it costs one SIGCHLD as it starts), and no signal is handled here.
//
// A Job needs a source; everything else has the defaults of `vitrine run`. What a job leaves empty
// is filled in: `id` by random digits, `rootfs` by the default one, and `environment` gets, in
// front of its own variables, those that every job has. Paths must be absolute.
#pragma once

#include <functional>
#include <future>
#include <memory>
#include <string>

#include "vitrine/job.h"
#include "vitrine/preload.h"
#include "vitrine/result.h"

namespace vitrine {

namespace library {
class Dispatcher;
}

/// What a Runtime is made with. Every path absolute; empty for what was installed with the library.
struct RuntimeOptions {
    unsigned workers = 0;  ///< Jobs running at a time; 0: one for each core this process may use.
    bool is_cold = false;  ///< A fresh interpreter for each job instead of a warm one's fork.
    Preload preload = {};  ///< For warm interpreters; must be empty with `is_cold`.
    std::string rootfs = {};    ///< Of jobs that name none.
    std::string profiles = {};  ///< Directory of seccomp profiles, with `policy/` in it.
    std::string program = {};   ///< The `vitrine` executable, which the supervisor is started from.
};

/// Runs jobs, several at a time, from interpreters that stay warm. Every member may be called from
/// any thread, the destructor and the constructor from one.
///
/// Every job that was submitted is answered exactly once. Whatever goes wrong with it is in its
/// Result: what cannot be started has Status::kSetupError and `error`. Of these steps the library
/// itself is the author: `job` (it is not what a job may be), `interrupted`, `await-turn` (the
/// same, before it was started) and `supervisor` (the supervising process ended under it or could
/// not be started; such a job may have run, and is not run again).
///
/// After fork(2) a Runtime is the parent's: in the child, jobs are refused and destroying it does
/// nothing.
class Runtime {
  public:
    using Done = std::function<void(Result)>;

    /// Starts a thread, and nothing else yet. Throws std::runtime_error when the options cannot be
    /// right: no executable is found, or a preload is given that nobody would load.
    explicit Runtime(RuntimeOptions options = {});
    /// Interrupts, waits until every job is answered, and ends the supervisor: nothing is left.
    /// Takes milliseconds; at most about ten seconds, after which a supervisor that hangs is
    /// killed. Not to be called from a callback.
    ~Runtime();
    Runtime(const Runtime&) = delete;
    Runtime& operator=(const Runtime&) = delete;

    /// Queues a job; never waits. The future always gets a value, never an exception. Throws
    /// std::runtime_error in a forked child.
    [[nodiscard]] std::future<Result> submit(Job job);
    /// The same; `done` is called in the Runtime's own thread, one call at a time, and while it
    /// runs no other job is answered or started. It may submit more. It must not throw, nor wait
    /// for another job.
    void submit(Job job, Done done);
    /// Runs one job and waits for it. Throws std::runtime_error in a callback, where it would wait
    /// for itself, and in a forked child.
    Result run(Job job);

    /// Ends every job that was submitted until now, running or not, and answers it. More may be
    /// submitted.
    void interrupt();
    /// Waits until every job is answered, and its callback has returned. Throws as run() does.
    void wait();

  private:
    std::unique_ptr<library::Dispatcher> dispatcher_;
};

/// Runs one job in a fresh interpreter, with a supervisor of its own. Whoever has many keeps a
/// Runtime. Throws as Runtime's constructor does.
Result run(Job job);

/// The result as `vitrine run --result -` prints it: one JSON object on one line, without a
/// newline, always valid UTF-8. docs/result.schema.json describes it.
std::string to_json(const Result& result);

/// `exited`, `timeout`… as in JSON.
const char* status_name(Status status);

}  // namespace vitrine
