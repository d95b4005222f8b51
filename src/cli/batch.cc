#include "cli/batch.h"

#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <set>

#include "base/error.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/output_file.h"
#include "batch/done_jobs.h"
#include "batch/loop.h"
#include "batch/progress.h"
#include "batch/report.h"
#include "batch/result_stream.h"
#include "batch/summary.h"
#include "batch/words.h"
#include "cli/batch_options.h"
#include "cli/job_sources.h"
#include "runtime/host.h"

namespace vitrine::cli {

namespace {

constexpr int kUsageExit = 125;
constexpr int kSomeNotStarted = 1;
constexpr int kSignalBase = 128;
constexpr std::size_t kMaxWarnings = 20;

bool is_same_file(const std::string& one, const std::string& other) {
    struct stat first{};
    struct stat second{};
    if (::stat(one.c_str(), &first) != 0 || ::stat(other.c_str(), &second) != 0) {
        return one == other;
    }
    return first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

bool continues_output(const BatchRequest& request) {
    return request.resume && request.output && is_same_file(*request.resume, *request.output);
}

/// What is read must not be what is written.
void check_files(const BatchRequest& request) {
    for (const auto& written : {request.output, request.report}) {
        for (const auto& read : {std::optional(request.input), request.each}) {
            if (!written || !read || !is_same_file(*written, *read)) continue;
            throw UsageError(concat("'", *written, "' is input and output at once"),
                             "write the results to another file");
        }
    }
    if (request.output && request.report && is_same_file(*request.output, *request.report)) {
        throw UsageError("the results and the report would be the same file",
                         "give one of them another name");
    }
}

/// A first run may name the file that it is going to make: a script then has one command.
std::shared_ptr<batch::DoneJobs> read_done(const BatchRequest& request, const Log& log) {
    auto done = std::make_shared<batch::DoneJobs>();
    if (!request.resume) return done;
    struct stat info{};
    if (continues_output(request) && ::stat(request.resume->c_str(), &info) != 0) return done;
    with_context("--resume", [&] { *done = batch::DoneJobs::read(*request.resume); });
    if (done->strange_lines() > 0) {
        log.warning(concat("--resume: ", batch::counted(done->strange_lines(), "line"), " of '",
                           *request.resume, "' hold no result and are passed over"));
    }
    return done;
}

bool is_directory(const std::string& path) {
    struct stat info{};
    return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

std::unique_ptr<batch::Source> open_source(const BatchRequest& request,
                                           const std::shared_ptr<batch::DoneJobs>& done) {
    const IsDone is_done = [done](const std::string& id) { return done->take(id); };
    if (request.each) {
        JobDefaults defaults = request.defaults;
        const auto problem = request.input == "-" && *request.each != "-"
                                 ? read_source(STDIN_FILENO, "<stdin>", defaults.job.source)
                                 : read_script(request.input, defaults.job.source);
        if (problem) throw UsageError(problem->message, "--each needs the script to run");
        return open_argument_lines(*request.each, std::move(defaults), is_done);
    }
    if (is_directory(request.input)) {
        return open_directory(request.input, request.defaults, is_done);
    }
    return open_job_lines(request.input, request.defaults, is_done);
}

batch::ResultStream open_results(const BatchRequest& request) {
    if (!request.output || *request.output == "-") {
        return batch::ResultStream::to_descriptor(STDOUT_FILENO, "stdout");
    }
    return batch::ResultStream::to_file(*request.output, continues_output(request)
                                                             ? batch::FileUse::kContinue
                                                             : batch::FileUse::kReplace);
}

batch::Progress::Form progress_form(const Voice& voice) {
    if (voice.level > LogLevel::kInfo) return batch::Progress::Form::kNone;
    const bool is_live = voice.format == LogFormat::kText && ::isatty(STDERR_FILENO) != 0;
    return is_live ? batch::Progress::Form::kLive : batch::Progress::Form::kLines;
}

/// One call from its open files to its exit code.
class Batch {
  public:
    Batch(const BatchRequest& request, const std::string& profiles)
        : request_(request),
          log_(request.voice.level, request.voice.format),
          source_((check_files(request), open_source(request, read_done(request, log_)))),
          engine_(runtime::make_engine({.profiles = profiles,
                                        .workers = request.workers,
                                        .is_cold = request.is_cold,
                                        .preload = request.preload,
                                        .strace = request.strace,
                                        .has_fresh_networks = request.has_fresh_networks})),
          results_(open_results(request)),
          statistics_(request.workers),
          progress_(progress_form(request.voice), STDERR_FILENO, log_),
          writes_to_terminal_(::isatty(results_.fd()) != 0) {
        if (request.report) {
            with_context("--report", [&] { report_.emplace(*request.report); });
        }
    }

    int run() {
        const runtime::EndSignals interrupts;
        batch::Loop loop(*engine_, *source_, results_, interrupts,
                         {.workers = request_.workers,
                          .is_ordered = request_.is_ordered,
                          .fails_fast = request_.fails_fast});
        batch::Ending ending;
        try {
            ending = loop.run([this](const runtime::RunReport& report) { see(report); },
                              [this](const batch::Standing& standing) {
                                  progress_.tick(standing, statistics_, source_->share());
                              });
        } catch (const Error& error) {
            return give_up(error);
        }
        statistics_.finish();
        progress_.clear();
        // The second signal: whatever runs ends with this process.
        if (ending.is_abrupt) ::_exit(kSignalBase + ending.signal);
        tell(ending);
        const int code = exit_code(ending);
        return write_report(ending) ? code : kUsageExit;
    }

  private:
    void see(const runtime::RunReport& report) {
        statistics_.add(report);
        if (writes_to_terminal_) progress_.clear();
        for (const std::string& warning : report.warnings) {
            if (warnings_.size() >= kMaxWarnings || !warnings_.insert(warning).second) continue;
            progress_.clear();
            log_.warning(warning);
        }
    }

    int give_up(const Error& error) {
        progress_.clear();
        log_.error(error.what());
        if (!error.hint().empty()) log_.error(concat("hint: ", error.hint()));
        log_.error(concat(
            "the batch has ended early, after ", batch::counted(statistics_.count(), "result"),
            request_.output ? concat("; go on with --resume ", *request_.output) : std::string()));
        return kUsageExit;
    }

    void tell(const batch::Ending& ending) {
        if (source_->skipped() > 0) {
            log_.info(concat(batch::counted(source_->skipped(), "job"),
                             " had a result already and were left out"));
        }
        for (const std::string& line : batch::summary_lines(statistics_))
            log_.info(line);
        const std::string zygotes = batch::zygotes_text(engine_->zygotes());
        if (!zygotes.empty()) log_.info(concat("shared:  ", zygotes));
        if (ending.signal == 0 && ending.left == 0) return;
        log_.warning(concat(
            ending.signal != 0 ? "interrupted" : "stopped at the first failure",
            "; jobs that were running, ", ending.left, " of those that were read, have no result",
            request_.output ? concat(": go on with --resume ", *request_.output) : std::string()));
    }

    int exit_code(const batch::Ending& ending) const {
        if (ending.signal != 0) return kSignalBase + ending.signal;
        if (request_.fails_fast && ending.first_failure) return *ending.first_failure;
        return statistics_.count(Status::kSetupError) > 0 ? kSomeNotStarted : 0;
    }

    bool write_report(const batch::Ending& ending) {
        if (!report_) return true;
        try {
            report_->write(batch::render_report(
                statistics_, {.input = request_.input,
                              .workers = request_.workers,
                              .is_complete = ending.signal == 0 && ending.left == 0,
                              .skipped = source_->skipped()}));
            return true;
        } catch (const Error& error) {
            log_.error(concat("--report: ", error.what()));
            return false;
        }
    }

    const BatchRequest& request_;
    Log log_;
    std::unique_ptr<batch::Source> source_;
    std::unique_ptr<runtime::Engine> engine_;
    batch::ResultStream results_;
    std::optional<OutputFile> report_;
    batch::Statistics statistics_;
    batch::Progress progress_;
    bool writes_to_terminal_;
    std::set<std::string> warnings_;
};

}  // namespace

int batch_command(std::span<const std::string> words) {
    const runtime::InstalledFiles files = runtime::installed_files();
    std::string help;
    const auto request = parse_batch(words, files.rootfs, help);
    if (!request) {
        write_all(STDOUT_FILENO, help);
        return 0;
    }
    return Batch(*request, files.profiles).run();
}

}  // namespace vitrine::cli
