#include "cli/run_repeat.h"

#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "batch/loop.h"
#include "batch/summary.h"
#include "cli/job_sources.h"
#include "cli/run_messages.h"
#include "runtime/engine.h"

namespace vitrine::cli {

namespace {

constexpr int kSignalBase = 128;

batch::ResultStream open_results(const std::optional<std::string>& path) {
    if (path == "-") return batch::ResultStream::to_descriptor(STDOUT_FILENO, "stdout");
    // Nobody wants them: the programs' output and a summary will do.
    return batch::ResultStream::to_file(path.value_or("/dev/null"), batch::FileUse::kReplace);
}

/// What the program wrote; a caller who does not listen misses it.
void pass_output_on(const Result& result) {
    try {
        write_all(STDOUT_FILENO, result.out.bytes);
        write_all(STDERR_FILENO, result.err.bytes);
    } catch (const SystemError&) {
        return;
    }
}

}  // namespace

int run_repeatedly(const ParsedRun& parsed, const std::string& profiles, const Log& log) {
    const RunRequest& request = parsed.request;
    const auto source = repeat_job(request.job, request.repeat);
    const auto engine = runtime::make_engine({.profiles = profiles, .workers = 1});
    batch::ResultStream results =
        with_context("--result", [&] { return open_results(request.result_path); });
    batch::Statistics statistics(1);
    const runtime::EndSignals interrupts;
    bool has_told = false;
    const auto watch = [&](const runtime::RunReport& report) {
        statistics.add(report);
        if (request.result_path != "-") pass_output_on(report.result);
        // All runs are alike: the first, and the first that fails, say what there is to say.
        const bool is_first_failure = batch::is_failure(report) && statistics.failed() == 1;
        if (!has_told || is_first_failure) tell_run(log, parsed, report);
        has_told = true;
    };
    batch::Loop loop(*engine, *source, results, interrupts, {.workers = 1, .is_ordered = true});
    const batch::Ending ending = loop.run(watch, [](const batch::Standing&) {});
    statistics.finish();
    if (ending.is_abrupt) ::_exit(kSignalBase + ending.signal);
    for (const std::string& line : batch::summary_lines(statistics))
        log.info(line);
    log.info(concat("shared:  ", batch::zygotes_text(engine->zygotes())));
    if (ending.signal != 0) {
        log.error(concat("interrupted: ", ending.left, " of the runs have no result"));
        return kSignalBase + ending.signal;
    }
    return ending.first_failure.value_or(0);
}

}  // namespace vitrine::cli
