// One job on its way through an engine, cold or warm.
#pragma once

#include "runtime/children.h"
#include "runtime/event_loop.h"
#include "runtime/job_limits.h"
#include "runtime/run.h"

namespace vitrine::runtime {

/// What the runs of one process share. Borrowed by each.
struct RunContext {
    EventLoop& loop;
    Children& children;
    const JobLimits& limits;
};

class JobRun {
  public:
    virtual ~JobRun() = default;
    /// Never throws: what goes wrong is in the report.
    virtual void start() = 0;
    /// Ends it early, for a signal of the caller's.
    virtual void interrupt(int signal) = 0;
    /// A program that waits for somebody to attach to it waits no longer.
    virtual void let_go() {}
    /// Once it has said that it is done. Called once.
    virtual RunReport report() = 0;
};

}  // namespace vitrine::runtime
