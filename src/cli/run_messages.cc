#include "cli/run_messages.h"

#include <string.h>

#include "base/error.h"
#include "base/units.h"
#include "cli/denied_table.h"
#include "cli/run_story.h"

namespace vitrine::cli {

namespace {

std::string place_of(const std::string& source, const Finding& finding) {
    if (finding.line == 0) return source;
    if (finding.column == 0) return concat(source, ":", finding.line);
    return concat(source, ":", finding.line, ":", finding.column);
}

void tell_findings(const Log& log, const Job& job, const Result& result) {
    for (const Finding& finding : result.findings) {
        log.error(concat(place_of(job.source.name, finding), ": ",
                         finding.severity == Severity::kError ? "" : "warning: ", finding.message,
                         finding.hint.empty() ? "" : "; ", finding.hint, " [", finding.id, " ",
                         finding.rule, "]"));
    }
}

std::string seconds(std::uint64_t nanoseconds) {
    return format_duration(Nanoseconds(static_cast<std::int64_t>(nanoseconds)));
}

std::string signal_name(int signal) {
    const char* name = ::sigabbrev_np(signal);
    return concat("SIG", name != nullptr ? name : "?");
}

/// One line on how the job ended, when it was not by itself.
std::string ending(const ParsedRun& parsed, const runtime::RunReport& report) {
    const Result& result = report.result;
    switch (result.status) {
        case Status::kTimeout:
            return concat("killed after ", seconds(result.limit->observed),
                          ": the wall-clock limit is ", seconds(result.limit->value),
                          " (--timeout)");
        case Status::kCpuTimeout:
            return concat("killed: it used ", seconds(result.limit->observed),
                          " of CPU time, the limit is ", seconds(result.limit->value),
                          " (--cpu-time)");
        case Status::kMemory:
            return concat("killed: out of memory, the limit is ", format_bytes(result.limit->value),
                          " (--memory)");
        case Status::kOutputLimit:
            return concat("killed: it wrote more than ", format_bytes(result.limit->value),
                          " (--max-output)");
        case Status::kSignaled:
            if (report.interrupt_signal != 0) {
                return concat("interrupted by ", signal_name(report.interrupt_signal),
                              ": the job was killed");
            }
            return concat("ended by signal ", *result.signal, " (", signal_name(*result.signal),
                          ")");
        case Status::kRejected:
            if (parsed.problem) return "nothing was run";
            return concat("refused by the policy '", parsed.request.job.policy,
                          "'; nothing of it was run (--no-validate runs it unchecked)");
        default:
            return {};
    }
}

void tell_error(const Log& log, const SetupError& error) {
    log.error(concat("cannot run: ", error.message,
                     error.step.empty() ? "" : concat(" (step ", error.step, ")")));
    if (!error.hint.empty()) log.error(concat("hint: ", error.hint));
}

/// What configures python3 does not configure the interpreter of a job, which starts before it
/// knows of one. The three named here say what holds anyway.
void tell_unread_variables(const Log& log, const Job& job) {
    if (!job.command.empty()) return;
    std::string names;
    for (const auto& [name, value] : job.environment) {
        if (!name.starts_with("PYTHON") || name == "PYTHONUTF8" ||
            name == "PYTHONDONTWRITEBYTECODE" || name == "PYTHON_CPU_COUNT") {
            continue;
        }
        names += concat(names.empty() ? "" : ", ", name);
    }
    if (names.empty()) return;
    log.warning(concat("the job's interpreter does not read ", names,
                       "; only the program itself sees it (os.environ)"));
}

}  // namespace

void tell_run(const Log& log, const ParsedRun& parsed, const runtime::RunReport& report) {
    const RunRequest& request = parsed.request;
    tell_unread_variables(log, request.job);
    const Result& result = report.result;
    for (const std::string& warning : report.warnings)
        log.warning(warning);
    tell_findings(log, request.job, result);
    if (result.error) tell_error(log, *result.error);
    if (const std::string line = ending(parsed, report); !line.empty()) log.error(line);
    if (result.out.truncated || result.err.truncated) {
        log.warning(concat("output was cut at ", format_bytes(request.job.limits.max_output_bytes),
                           " a stream (--max-output)"));
    }
    if (result.usage.pids_limit_hits.value_or(0) > 0) {
        log.warning(concat("it met its limit of ", request.job.limits.pids, " processes ",
                           *result.usage.pids_limit_hits, " times (--pids-limit)"));
    }
    if (request.job.explains_denied && !result.error) {
        for (const std::string& line : denied_table(result))
            log.info(line);
    }
    if (!request.result_path && !result.value_json.empty()) {
        log.info(concat("value: ", result.value_json));
    }
    if (request.voice.verbosity > 0) tell_story(log, report);
    if (request.voice.verbosity > 1) tell_sandbox(log, request.job, result);
    if (request.tells_timings) tell_timings(log, result.timings);
}

}  // namespace vitrine::cli
