#include "cli/run_story.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/units.h"

namespace vitrine::cli {

namespace {

/// `   12.345 ms`, right-aligned.
std::string milliseconds(std::int64_t us, std::size_t width = 10) {
    const std::string fraction = std::to_string(us % 1000);
    std::string text = concat(us / 1000, ".", std::string(3 - fraction.size(), '0'), fraction);
    text.insert(0, width - std::min(width, text.size()), ' ');
    return text + " ms";
}

struct TimingText {
    const char* name;
    std::int64_t Timings::* value;
    const char* meaning;
};

constexpr auto kTimings = std::to_array<TimingText>({
    {"prepare ", &Timings::prepare, "until sandbox and interpreter were both ready"},
    {"fork    ", &Timings::fork, "making the payload process"},
    {"enter   ", &Timings::enter, "joining the sandbox, giving up every privilege"},
    {"seccomp ", &Timings::seccomp, "installing the filter"},
    {"validate", &Timings::validate, "parsing and judging the source"},
    {"held    ", &Timings::held, "waiting for a tracer to attach"},
    {"run     ", &Timings::run, "the program itself"},
    {"teardown", &Timings::teardown, "until nothing of the sandbox was left"},
    {"total   ", &Timings::total, "from the launch to the result"},
});

std::string join(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words)
        text += concat(text.empty() ? "" : ", ", word);
    return text.empty() ? "none" : text;
}

}  // namespace

void tell_story(const Log& log, const runtime::RunReport& report) {
    log.info(concat(milliseconds(0), "  the run starts"));
    for (const runtime::Moment& moment : report.story)
        log.info(concat(milliseconds(moment.us), "  ", moment.what));
    const std::string end = report.result.error ? concat("the launch has failed at the step ",
                                                         report.result.error->step)
                                                : "the result is ready";
    log.info(concat(milliseconds(report.result.timings.total), "  ", end));
}

void tell_sandbox(const Log& log, const Job& job, const Result& result) {
    const Isolation& isolation = result.isolation;
    const Limits& limits = job.limits;
    log.info(concat("rootfs '", job.rootfs, "', ",
                    result.python.empty() ? "Python not started" : "Python " + result.python,
                    "; policy ", job.policy));
    log.info(concat("namespaces ", join(isolation.namespaces), "; uid ", isolation.uid, " inside, ",
                    isolation.host_uid, " on the host"));
    log.info(concat("seccomp ", isolation.seccomp_profile, ", ", isolation.seccomp_action,
                    ", sha256 ", isolation.seccomp_sha256));
    log.info(concat("Landlock ABI ", isolation.landlock_abi,
                    "; weaker than could be: ", join(isolation.degraded)));
    log.info(concat("limits by ", isolation.limits_backend, ": memory ",
                    format_bytes(limits.memory_bytes), ", ", limits.pids, " processes, ",
                    format_duration(limits.timeout)));
    const Usage& usage = result.usage;
    log.info(concat("used ", milliseconds(static_cast<std::int64_t>(usage.cpu_user_ms * 1000), 0),
                    " CPU in user mode, ",
                    milliseconds(static_cast<std::int64_t>(usage.cpu_sys_ms * 1000), 0),
                    " in the kernel, ",
                    usage.memory_peak_bytes ? format_bytes(*usage.memory_peak_bytes) : "unknown",
                    " of memory at most"));
}

void tell_timings(const Log& log, const Timings& timings) {
    for (const TimingText& timing : kTimings) {
        const std::int64_t us = timings.*timing.value;
        if (us == 0 && timing.value == &Timings::held) continue;
        log.info(concat(timing.name, us == 0 ? "     not done" : milliseconds(us), "  ",
                        timing.meaning));
    }
}

}  // namespace vitrine::cli
