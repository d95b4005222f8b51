// Why a program is held at its gate before its first line (python/gate.h), and until when.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime/job_run.h"
#include "sandbox/steps.h"

namespace vitrine::runtime {

/// What a holder tells the run it is for. Called from the event loop.
struct HolderHooks {
    /// The program may go.
    std::function<void()> on_open;
    /// What it is held for cannot be: it is not to run.
    std::function<void(sandbox::Failure)> on_failed;
    /// Nothing of the holder's is left. Only after end().
    std::function<void()> on_done;
};

/// One for a run. Borrows the run's context.
class Holder {
  public:
    virtual ~Holder() = default;
    /// The process `payload` stands at its gate.
    virtual void hold(pid_t payload) = 0;
    /// The sandbox is being ended: the holder comes to its end, too, and must not keep a dead
    /// process from its parent for long.
    virtual void end() = 0;
    /// Whoever is not has yet to call on_done.
    virtual bool is_done() const = 0;
    /// Lets the program go though what was waited for has not come; nothing where that cannot be.
    virtual void let_go() {}
    /// What the caller should be told. Once, when it is done.
    virtual std::vector<std::string> warnings() { return {}; }
};

/// What `options` want this run to be held for; null for most.
std::unique_ptr<Holder> make_holder(const RunContext& context, const RunOptions& options,
                                    HolderHooks hooks);

}  // namespace vitrine::runtime
