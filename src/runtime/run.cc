#include "runtime/run.h"

#include <chrono>

#include "base/error.h"
#include "runtime/cold_run.h"
#include "runtime/signals.h"

namespace vitrine::runtime {

namespace {

/// Until something happens: a run has clocks of its own.
constexpr std::chrono::hours kPatience{1};

std::vector<int> heard_signals(const Job& job, const RunOptions& options) {
    std::vector<int> heard{SIGCHLD};
    // Unless it is waited for, SIGUSR1 is what it is to whoever started us.
    if (options.debugger || !job.command.empty()) heard.push_back(SIGUSR1);
    if (!job.command.empty()) heard.push_back(SIGUSR2);
    if (!job.command.empty() || job.has_terminal) heard.insert(heard.end(), {SIGCONT, SIGWINCH});
    return heard;
}

RunReport run_with(const JobLimits& limits, const Job& job, const RunOptions& options) {
    const EndSignals signals(heard_signals(job, options));
    EventLoop loop;
    Children children(loop);
    bool is_done = false;
    ColdRun run({.loop = loop, .children = children, .limits = limits}, job, options,
                [&] { is_done = true; });
    loop.watch(signals.fd(), EPOLLIN, [&] {
        const int signal = signals.take();
        if (signal == SIGCHLD) return children.reap_strangers();
        if (signal == SIGUSR1 && options.debugger) return run.let_go();
        if (signal != 0) run.take_signal(signal);
    });
    run.start();
    while (!is_done)
        loop.turn(kPatience);
    return run.report();
}

}  // namespace

std::string describe_end(const Result& result) {
    if (result.error) return concat(result.error->step, ": ", result.error->message);
    if (result.limit) return concat("it was ended by the limit '", result.limit->name, "'");
    if (result.signal) return concat("it was ended by signal ", *result.signal);
    return concat("it exited with ", result.exit_code.value_or(-1));
}

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
