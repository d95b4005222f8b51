#include "cli/run.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/causes.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/output_file.h"
#include "cli/run_debugger.h"
#include "cli/run_messages.h"
#include "cli/run_options.h"
#include "cli/run_repeat.h"
#include "runtime/events.h"
#include "runtime/host.h"
#include "runtime/result_json.h"
#include "runtime/run.h"
#include "runtime/strace.h"

namespace vitrine::cli {

namespace {

constexpr int kSetupErrorExit = 125;

/// Where the result goes, known to be writable before anything is run.
class ResultSink {
  public:
    /// Throws an Error that names the place. No path: nobody wants the result.
    explicit ResultSink(const std::optional<std::string>& path) : is_stdout_(path == "-") {
        if (is_stdout_) {
            check_stdout();
        } else if (path) {
            with_context("--result", [&] { file_.emplace(*path); });
        }
    }

    void write(const Result& result) {
        if (!is_stdout_ && !file_) return;
        const std::string line = runtime::to_json(result) + "\n";
        if (file_) return file_->write(line);
        with_context("the result on stdout", [&] { write_all(STDOUT_FILENO, line); });
    }

  private:
    static void check_stdout() {
        const int mode = ::fcntl(STDOUT_FILENO, F_GETFL);
        if (mode >= 0 && (mode & O_ACCMODE) != O_RDONLY) return;
        throw UsageError("--result: stdout is not open for writing",
                         "open it, or name a file: --result result.json");
    }

    bool is_stdout_;
    std::optional<OutputFile> file_;
};

runtime::RunReport run_request(const RunRequest& request, const std::string& profiles) {
    const bool captures_only = request.result_path == "-";
    return runtime::run(request.job, {.profiles = profiles,
                                      .stdout_fd = captures_only ? -1 : STDOUT_FILENO,
                                      .stderr_fd = captures_only ? -1 : STDERR_FILENO,
                                      .status_fd = request.status_fd,
                                      .strace = request.strace,
                                      .debugger = debugger_options(request),
                                      .checks = nullptr});
}

/// What stops the run before there is one. Throws an Error that names the flag.
void check_tracers(const ParsedRun& parsed) {
    const auto& strace = parsed.request.strace;
    if (!strace || parsed.problem) return;
    with_context("--strace", [&] { runtime::check_strace(strace->words); });
}

/// Nothing is run for this reason: said to people and to whoever follows the events.
int refuse(const Log& log, const Error& error, int status_fd) {
    log.error(error.what());
    if (!error.hint().empty()) log.error(concat("hint: ", error.hint()));
    runtime::send_event(status_fd, "exit-code", kSetupErrorExit);
    return kSetupErrorExit;
}

int refuse_usage(std::span<const std::string> words, const Error& error) {
    const Log log(LogLevel::kInfo, LogFormat::kText);
    const Listeners listeners = find_listeners(words);
    Result result;
    result.error = SetupError{.step = "usage", .message = error.what(), .hint = error.hint()};
    if (const auto* known = dynamic_cast<const CauseError*>(&error)) {
        result.error->cause = cause_id(known->cause());
    }
    try {
        ResultSink(listeners.result_path).write(result);
    } catch (const Error& unwritable) {
        log.error(unwritable.what());
    }
    return refuse(log, error, listeners.status_fd);
}

runtime::RunReport run_or_refuse(const ParsedRun& parsed, const std::string& profiles) {
    if (!parsed.problem) return run_request(parsed.request, profiles);
    const runtime::RunReport report = answer_to(*parsed.problem, parsed.request.job.id);
    runtime::send_event(parsed.request.status_fd, "exit-code", report.exit_code);
    return report;
}

int run_parsed(const ParsedRun& parsed, const std::string& profiles) {
    const RunRequest& request = parsed.request;
    const Log log(request.voice.level, request.voice.format);
    std::optional<ResultSink> sink;
    try {
        if (request.repeat > 0 && !parsed.problem) return run_repeatedly(parsed, profiles, log);
        sink.emplace(request.result_path);
    } catch (const Error& error) {
        return refuse(log, error, request.status_fd);
    }
    const runtime::RunReport report = run_or_refuse(parsed, profiles);
    tell_run(log, parsed, report);
    try {
        sink->write(report.result);
    } catch (const Error& error) {
        log.error(concat("the job has ended, but its result is lost: ", error.what()));
        return kSetupErrorExit;
    }
    return report.exit_code;
}

}  // namespace

int run_command(std::span<const std::string> words) {
    try {
        const runtime::InstalledFiles files = runtime::installed_files();
        const ParsedRun parsed = parse_run(words, files.rootfs);
        if (!parsed.help.empty()) {
            write_all(STDOUT_FILENO, parsed.help);
            return 0;
        }
        check_tracers(parsed);
        return run_parsed(parsed, files.profiles);
    } catch (const Error& error) {
        return refuse_usage(words, error);
    }
}

}  // namespace vitrine::cli
