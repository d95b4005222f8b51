#include "cli/batch_options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <chrono>
#include <sstream>

#include "base/cores.h"
#include "base/error.h"
#include "base/file.h"
#include "base/units.h"
#include "cli/flag_words.h"
#include "cli/trace_flags.h"
#include "runtime/strace.h"

namespace vitrine::cli {

namespace {

constexpr std::uint64_t kMaxWorkers = 4096;
constexpr std::size_t kMaxPreloadScript = std::size_t{1} << 20;
constexpr std::chrono::seconds kTimeout{10};

constexpr const char* kExamples =
    R"help(Input, one job a line (a path is looked up from where vitrine is called):
  {"id": "a1", "source": "print(6 * 7)"}
  {"id": "a2", "path": "strategy.py", "entry": "backtest", "args": {"days": 250},
   "limits": {"memory": "256m", "timeout": "2s"}, "env": {"SEED": "7"}}

Examples:
  vitrine batch jobs.jsonl -o results.jsonl
  vitrine batch jobs.jsonl -o results.jsonl --resume results.jsonl
  vitrine batch --jobs 8 --timeout 2s --report report.html solutions/ > results.jsonl
  vitrine batch --each arguments.jsonl --entry backtest --preload numpy,pandas strategy.py
  vitrine batch --strace traces --strace-opts '-e trace=file' -o results.jsonl jobs.jsonl
  generate | vitrine batch --ordered - | consume

Results are JSON lines (docs/result.schema.json); progress and a summary are on stderr. A line that is
no job gets a result, too: its status is setup_error. docs/batch.md tells more.
Exit codes: 0 every job was run; 1 some could not be started; 125 wrong usage, or the results could not
be written; 128+N ended by signal N; with --fail-fast that of the first job that failed.)help";

struct BatchFlags : JobFlags {
    std::string jobs, each, output, resume, report, preload, preload_script, input;
    std::string strace, strace_options;
    bool ordered = false, fail_fast = false, cold = false, fresh_networks = false;
};

class BatchHelp : public CLI::Formatter {
  public:
    std::string make_usage(const CLI::App* /*app*/, std::string /*name*/) const override {
        return "Usage: vitrine batch [FLAGS] JOBS.jsonl|DIR|-\n"
               "       vitrine batch [FLAGS] --each ARGS.jsonl SCRIPT.py\n";
    }
};

void add_flags(CLI::App& app, BatchFlags& flags) {
    const auto add = [&app](const char* name, std::string& value, const char* placeholder,
                            const char* help) {
        app.add_option(name, value, help)->type_name(placeholder)->take_last();
    };
    add("-o,--output", flags.output, "FILE", "Write the results there [stdout]");
    add("-j,--jobs", flags.jobs, "N", "Jobs at a time [one for each core]");
    add("--each", flags.each, "FILE",
        "Run one script with every line of FILE: an array or an object of arguments");
    app.add_flag("--ordered", flags.ordered, "Results in the order of the input, not as they come");
    app.add_flag("--fail-fast", flags.fail_fast, "Stop at the first job that fails");
    add("--resume", flags.resume, "FILE", "Leave out the jobs that have a result in FILE");
    add("--report", flags.report, "FILE.html", "Write a page about the batch");
    app.add_flag("--cold", flags.cold, "Make each job on its own, as run does");
    add("--preload", flags.preload, "MODULES",
        "Modules that warm interpreters have imported before any job: numpy,pandas");
    add("--preload-script", flags.preload_script, "FILE",
        "A trusted script that they have run: imports, and data that jobs share");
    app.add_flag(
        "--fresh-networks", flags.fresh_networks,
        "Make a network namespace for each job; else one that shows no trace of an earlier "
        "job may be handed on");
    add("--strace", flags.strace, "DIR", "Trace each job's system calls into DIR/ID.strace");
    add("--strace-opts", flags.strace_options, "OPTS",
        "Further options of strace: '-e trace=file'");
    add_job_flags(app, flags);
    app.get_option("--timeout")->description("Wall-clock limit of each job: 500ms, 10s, 2m [10s]");
    app.add_option("INPUT", flags.input,
                   "Lines of jobs, a directory of scripts, or '-' for lines on stdin")
        ->type_name("");
}

bool is_module(const std::string& name) {
    const auto is_fit = [](unsigned char c) {
        return std::isalnum(c) != 0 || c == '_' || c == '.' || c >= 0x80;
    };
    return !name.empty() && std::ranges::all_of(name, is_fit);
}

std::vector<std::string> parse_modules(const std::string& text) {
    std::vector<std::string> modules;
    std::istringstream stream(text);
    for (std::string name; std::getline(stream, name, ',');) {
        if (!is_module(name)) {
            throw UsageError(concat("'", name, "' is no name of a module"),
                             "separate them by commas: --preload numpy,pandas");
        }
        modules.push_back(name);
    }
    return modules;
}

runtime::Preload read_preload(const BatchFlags& flags) {
    if (flags.cold && !(flags.preload.empty() && flags.preload_script.empty())) {
        throw UsageError("--cold starts interpreters that have loaded nothing",
                         "leave out --cold, or --preload and --preload-script");
    }
    runtime::Preload preload;
    with_flag("--preload", flags.preload, [&] { preload.modules = parse_modules(flags.preload); });
    with_flag("--preload-script", flags.preload_script,
              [&] { preload.script = read_file(flags.preload_script, kMaxPreloadScript); });
    return preload;
}

std::optional<runtime::StraceOptions> read_strace(const BatchFlags& flags) {
    if (flags.strace.empty() && !flags.strace_options.empty()) {
        throw UsageError("--strace-opts needs --strace", "say both, or neither");
    }
    if (flags.strace.empty()) return std::nullopt;
    runtime::StraceOptions strace;
    with_flag("--strace-opts", flags.strace_options,
              [&] { strace.words = parse_strace_options(flags.strace_options); });
    with_flag("--strace", flags.strace, [&] {
        runtime::check_strace(strace.words);
        strace.file = parse_trace_directory(flags.strace);
    });
    return strace;
}

std::optional<std::string> if_given(const std::string& text) {
    return text.empty() ? std::nullopt : std::optional(text);
}

void check_stdin(const BatchFlags& flags) {
    if (flags.stdin_path != "-") return;
    throw UsageError("--stdin: only one job would find something on our stdin",
                     "put it in a file, or give each job its own with 'stdin'");
}

void refuse_exec(std::span<const std::string> words) {
    if (std::ranges::find(words, "--exec") == words.end()) return;
    throw UsageError("--exec: batch runs Python programs alone",
                     "run a command with 'vitrine run --exec -- CMD'");
}

void check_input(const CLI::App& app, const BatchFlags& flags) {
    if (const auto extra = app.remaining(); !extra.empty()) {
        if (extra[0].size() > 1 && extra[0].starts_with('-')) refuse_flag(app, "batch", extra[0]);
        throw UsageError(concat("one input is enough: '", flags.input, "' and '", extra[0], "'"),
                         "put scripts in a directory, or name them in a file of lines");
    }
    if (!flags.input.empty()) return;
    throw UsageError("no jobs were given",
                     "use 'vitrine batch JOBS.jsonl', a directory of scripts, or '-' for stdin");
}

BatchRequest make_request(const BatchFlags& flags, const std::string& default_rootfs) {
    BatchRequest request;
    request.input = flags.input;
    request.each = if_given(flags.each);
    request.output = if_given(flags.output);
    request.resume = if_given(flags.resume);
    request.report = if_given(flags.report);
    request.is_ordered = flags.ordered;
    request.fails_fast = flags.fail_fast;
    request.is_cold = flags.cold;
    request.has_fresh_networks = flags.fresh_networks;
    request.workers = usable_cores();
    with_flag("--jobs", flags.jobs, [&] {
        request.workers = static_cast<unsigned>(parse_integer(flags.jobs, 1, kMaxWorkers));
    });
    request.preload = read_preload(flags);
    request.strace = read_strace(flags);
    request.voice = read_voice(flags);
    request.defaults.job.limits.timeout = kTimeout;
    apply_job_flags(flags, default_rootfs, request.defaults.job);
    request.defaults.variables = read_variables(flags);
    return request;
}

}  // namespace

std::optional<BatchRequest> parse_batch(std::span<const std::string> words,
                                        const std::string& default_rootfs, std::string& help) {
    CLI::App app("Runs many Python programs, each in a fresh sandbox.", "vitrine batch");
    app.formatter(std::make_shared<BatchHelp>());
    app.footer(kExamples);
    app.allow_extras(true);
    BatchFlags flags;
    add_flags(app, flags);
    refuse_empty_values(scan_flags(app, words));
    if (std::ranges::find(words, std::string()) != words.end()) {
        throw UsageError("one of the words is empty",
                         "'vitrine batch --help' shows how it is used");
    }
    try {
        app.parse(std::vector<std::string>(words.rbegin(), words.rend()));
    } catch (const CLI::CallForHelp&) {
        help = app.help();
        return std::nullopt;
    } catch (const CLI::ParseError& error) {
        throw UsageError(error.what(), "'vitrine batch --help' shows how it is used");
    }
    refuse_exec(words);
    check_input(app, flags);
    check_stdin(flags);
    return make_request(flags, default_rootfs);
}

}  // namespace vitrine::cli
