#include "runtime/run.h"

#include <chrono>

#include "base/error.h"
#include "runtime/cold_run.h"
#include "runtime/signals.h"

namespace vitrine::runtime {

namespace {

/// Until something happens: a run has clocks of its own.
constexpr std::chrono::hours kPatience{1};

RunReport run_with(const JobLimits& limits, const Job& job, const RunOptions& options) {
    // Unless it is waited for, SIGUSR1 is what it is to whoever started us.
    const EndSignals signals =
        options.debugger ? EndSignals({SIGCHLD, SIGUSR1}) : EndSignals({SIGCHLD});
    EventLoop loop;
    Children children(loop);
    bool is_done = false;
    ColdRun run({.loop = loop, .children = children, .limits = limits}, job, options,
                [&] { is_done = true; });
    loop.watch(signals.fd(), EPOLLIN, [&] {
        const int signal = signals.take();
        if (signal == SIGCHLD) return children.reap_strangers();
        if (signal == SIGUSR1) return run.let_go();
        if (signal != 0) run.interrupt(signal);
    });
    run.start();
    while (!is_done)
        loop.turn(kPatience);
    return run.report();
}

}  // namespace

RunReport run(const Job& job, const RunOptions& options) {
    try {
        return run_with(plan_step("cgroup", [] { return JobLimits(); }), job, options);
    } catch (const std::exception&) {
        Reporting reporting(job);
        reporting.fail_by_current_exception();
        return reporting.finish(options.status_fd);
    }
}

}  // namespace vitrine::runtime
