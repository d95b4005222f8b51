#include "cli/run_options.h"

#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include "base/error.h"
#include "base/fd.h"
#include "base/units.h"
#include "cli/flag_words.h"
#include "cli/job_flags.h"
#include "cli/run_flags.h"
#include "cli/trace_flags.h"

namespace vitrine::cli {

namespace {

constexpr std::string_view kStderrTrace = "{-}";
constexpr std::uint64_t kMaxRepeat = 1'000'000;

constexpr const char* kExamples = R"(Examples:
  vitrine run script.py arg1 arg2
  vitrine run -c 'print(6 * 7)'
  cat script.py | vitrine run --timeout 2s --memory 256m -
  vitrine run --entry backtest --args '{"days": 250}' --result - strategy.py
  vitrine run --repeat 100 --result runs.jsonl script.py
  vitrine run --ro-bind prices.csv:/data/prices.csv --policy off script.py
  vitrine run --explain-denied --policy off script.py
  vitrine run --strace=trace.txt --strace-opts '-e trace=file -T' script.py
  vitrine run --wait-for-debugger script.py

Exit codes: the program's own; 124 time limit; 125 not set up, or wrong usage; 126 refused by the
policy or not parseable; 127 script not found; 128+N ended by signal N.)";

struct RunFlags : JobFlags {
    std::string code, result, status_fd, id, repeat, strace, strace_options;
    bool timings = false, wait_for_debugger = false;
};

class RunHelp : public CLI::Formatter {
  public:
    std::string make_usage(const CLI::App* /*app*/, std::string /*name*/) const override {
        return "Usage: vitrine run [FLAGS] SCRIPT.py [ARGS...]\n"
               "       vitrine run [FLAGS] -c CODE [ARGS...]\n";
    }

    /// CLI11 names a flag that may have a value with what it is without one.
    std::string make_option_name(const CLI::Option* option, bool is_positional) const override {
        std::string name = CLI::Formatter::make_option_name(option, is_positional);
        if (const std::size_t at = name.find(kStderrTrace); at != std::string::npos) {
            name.replace(at, kStderrTrace.size(), "[=FILE]");
        }
        return name;
    }
};

void add_flags(CLI::App& app, RunFlags& flags) {
    const auto add = [&app](const char* name, std::string& value, const char* placeholder,
                            const char* help) {
        app.add_option(name, value, help)->type_name(placeholder)->take_last();
    };
    add("-c", flags.code, "CODE", "Run CODE instead of a file");
    add_job_flags(app, flags);
    add("--result", flags.result, "FILE", "Write the result as JSON; '-' is stdout");
    add("--json-status-fd", flags.status_fd, "N", "Write events as JSON lines to descriptor N");
    add("--id", flags.id, "ID", "The result's id [random]");
    add("--repeat", flags.repeat, "N",
        "Run it N times, one after the other, from a warm interpreter; N results");
    app.add_flag("--timings", flags.timings, "Say on stderr where the time went");
    app.add_flag(concat("--strace", kStderrTrace), flags.strace,
                 "Trace the program's system calls from its first line on, into FILE [stderr]");
    add("--strace-opts", flags.strace_options, "OPTS",
        "Further options of strace: '-e trace=file'");
    app.add_flag("--wait-for-debugger", flags.wait_for_debugger,
                 "Hold the program before its first line, until a debugger has attached to it");
}

bool is_flag(const std::string& word) {
    return word.size() > 1 && word.starts_with('-');
}

std::optional<SourceProblem> take_source(const RunFlags& flags, bool has_code,
                                         std::vector<std::string> words, Job& job) {
    if (has_code) {
        job.source = {"<string>", flags.code};
        job.arguments = std::move(words);
        return std::nullopt;
    }
    if (words.empty()) {
        throw UsageError("no script was given",
                         "use 'vitrine run SCRIPT.py', '-' for stdin, or -c CODE");
    }
    job.arguments.assign(words.begin() + 1, words.end());
    if (words[0] != "-") return read_script(words[0], job.source);
    if (job.stdin_path == "-") {
        throw UsageError("stdin cannot be both the script and the job's stdin",
                         "put one of them in a file");
    }
    return read_source(STDIN_FILENO, "<stdin>", job.source);
}

int parse_status_fd(const std::string& text) {
    constexpr std::uint64_t kMaxFd = 1U << 20U;
    const int fd = static_cast<int>(parse_integer(text, 0, kMaxFd));
    const int mode = ::fcntl(fd, F_GETFL);
    if (mode >= 0 && (mode & O_ACCMODE) != O_RDONLY) return fd;
    throw UsageError(
        concat("descriptor ", fd, " is not open", mode < 0 ? "" : " for writing"),
        "open it in the shell first: vitrine run --json-status-fd 3 script.py 3>events");
}

void apply_output(const RunFlags& flags, RunRequest& request) {
    if (!flags.result.empty()) request.result_path = flags.result;
    with_flag("--json-status-fd", flags.status_fd,
              [&] { request.status_fd = parse_status_fd(flags.status_fd); });
    request.tells_timings = flags.timings;
    request.voice = read_voice(flags);
}

void apply_tracers(const RunFlags& flags, RunRequest& request) {
    request.waits_for_debugger = flags.wait_for_debugger;
    if (flags.strace.empty()) {
        if (flags.strace_options.empty()) return;
        throw UsageError("--strace-opts needs --strace", "say both, or neither");
    }
    if (flags.wait_for_debugger) {
        throw UsageError("--strace and --wait-for-debugger exclude each other",
                         "a process has one tracer at a time: choose one of them");
    }
    request.strace.emplace();
    with_flag("--strace-opts", flags.strace_options,
              [&] { request.strace->words = parse_strace_options(flags.strace_options); });
    with_flag("--strace", flags.strace,
              [&] { request.strace->file = parse_trace_file(flags.strace); });
}

/// Runs that follow one another cannot share what is read once.
void apply_repeat(const RunFlags& flags, RunRequest& request) {
    if (flags.repeat.empty()) return;
    with_flag("--repeat", flags.repeat,
              [&] { request.repeat = parse_integer(flags.repeat, 1, kMaxRepeat); });
    if (flags.stdin_path == "-") {
        throw UsageError("--repeat: only the first run would find something on stdin",
                         "put it in a file and use --stdin FILE");
    }
    if (request.status_fd >= 0) {
        throw UsageError("--repeat: --json-status-fd tells of one run",
                         "take the results of all from --result FILE");
    }
    if (request.strace || request.waits_for_debugger) {
        throw UsageError("--repeat: --strace and --wait-for-debugger are for one run",
                         "leave --repeat out; 'vitrine batch --strace DIR' traces many");
    }
}

}  // namespace

ParsedRun parse_run(std::span<const std::string> words, const std::string& default_rootfs) {
    CLI::App app("Runs one Python program in a fresh sandbox.", "vitrine run");
    app.formatter(std::make_shared<RunHelp>());
    app.footer(kExamples);
    app.prefix_command(true);
    RunFlags flags;
    add_flags(app, flags);
    refuse_empty_values(scan_flags(app, words));

    ParsedRun parsed;
    try {
        app.parse(std::vector<std::string>(words.rbegin(), words.rend()));
    } catch (const CLI::CallForHelp&) {
        parsed.help = app.help();
        return parsed;
    } catch (const CLI::ParseError& error) {
        throw UsageError(error.what(), "'vitrine run --help' shows how it is used");
    }
    std::vector<std::string> rest = app.remaining();
    if (!rest.empty() && rest[0] == "--") {
        rest.erase(rest.begin());
    } else if (!rest.empty() && is_flag(rest[0])) {
        refuse_flag(app, "run", rest[0]);
    }
    RunRequest& request = parsed.request;
    with_flag("--id", flags.id, [&] { request.job.id = checked_id(flags.id); });
    apply_output(flags, request);
    apply_tracers(flags, request);
    apply_repeat(flags, request);
    apply_job_flags(flags, default_rootfs, request.job);
    parsed.problem = take_source(flags, app.count("-c") > 0, std::move(rest), request.job);
    return parsed;
}

Listeners find_listeners(std::span<const std::string> words) {
    CLI::App app;
    RunFlags flags;
    add_flags(app, flags);
    Listeners found;
    for (const FlagWord& flag : scan_flags(app, words)) {
        const std::string value = flag.value.value_or("");
        if (value.empty()) continue;
        if (flag.name == "--result") found.result_path = value;
        if (flag.name == "--json-status-fd") {
            try {
                found.status_fd = parse_status_fd(value);
            } catch (const UsageError&) {
                found.status_fd = -1;  // Nobody who could be told.
            }
        }
    }
    return found;
}

}  // namespace vitrine::cli
