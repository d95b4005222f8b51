#include "cli/run_options.h"

#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <utility>

#include "base/error.h"
#include "base/fd.h"
#include "base/units.h"
#include "cli/flag_words.h"
#include "cli/job_flags.h"
#include "cli/run_flags.h"
#include "cli/shell_session.h"
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
  vitrine run --rootfs DIR --stdin - --exec -- sort -n < numbers
  vitrine run -t --policy off game.py
  vitrine run --explain-denied --policy off script.py
  vitrine run --strace=trace.txt --strace-opts '-e trace=file -T' script.py
  vitrine run --wait-for-debugger script.py

Exit codes: the program's own; 124 time limit; 125 not set up, or wrong usage; 126 refused by the
policy or not parseable, or a command that cannot be executed; 127 script or command not found;
128+N ended by signal N.)";

constexpr const char* kShellExamples = R"(Examples:
  vitrine shell
  vitrine shell --memory 256m --ro-bind prices.csv:/data/prices.csv
  vitrine rootfs build --with-command busybox -o DIR
  vitrine shell --rootfs DIR --exec -- busybox sh

It ends after 8 hours unless --timeout says otherwise. Ctrl-D leaves, Ctrl-C interrupts what runs,
and Ctrl-] three times within a second ends what listens to neither.

Exit codes: those of 'vitrine run'.)";

struct RunFlags : JobFlags {
    std::string code, result, status_fd, id, repeat, strace, strace_options;
    bool timings = false, wait_for_debugger = false, exec = false, tty = false;
};

/// What the help of a verb says.
struct VerbText {
    const char* name;
    const char* about;
    const char* usage;
    const char* examples;
};

constexpr VerbText kRunText{
    .name = "run",
    .about = "Runs one Python program, or a command of the rootfs, in a fresh sandbox.",
    .usage =
        "Usage: vitrine run [FLAGS] SCRIPT.py [ARGS...]\n"
        "       vitrine run [FLAGS] -c CODE [ARGS...]\n"
        "       vitrine run [FLAGS] --exec -- CMD [ARGS...]\n",
    .examples = kExamples};

constexpr VerbText kShellText{
    .name = "shell",
    .about = "Reads Python from the terminal and runs it in the sandbox that a job gets.",
    .usage =
        "Usage: vitrine shell [FLAGS]\n"
        "       vitrine shell [FLAGS] --exec -- CMD [ARGS...]\n",
    .examples = kShellExamples};

class RunHelp : public CLI::Formatter {
  public:
    explicit RunHelp(const VerbText& text) : usage_(text.usage) {}
    std::string make_usage(const CLI::App* /*app*/, std::string /*name*/) const override {
        return usage_;
    }

    /// CLI11 names a flag that may have a value with what it is without one.
    std::string make_option_name(const CLI::Option* option, bool is_positional) const override {
        std::string name = CLI::Formatter::make_option_name(option, is_positional);
        if (const std::size_t at = name.find(kStderrTrace); at != std::string::npos) {
            name.replace(at, kStderrTrace.size(), "[=FILE]");
        }
        return name;
    }

  private:
    std::string usage_;
};

void add_flags(CLI::App& app, RunFlags& flags) {
    const auto add = [&app](const char* name, std::string& value, const char* placeholder,
                            const char* help) {
        app.add_option(name, value, help)->type_name(placeholder)->take_last();
    };
    add("-c", flags.code, "CODE", "Run CODE instead of a file");
    app.add_flag("-t,--tty", flags.tty,
                 "Give the job a terminal: ours, which must be our stdin, shows it");
    app.add_flag("--exec", flags.exec,
                 "Run CMD, a command of the rootfs, instead of Python; without layer 1");
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

struct OtherFlag {
    const char* name;
    const char* why;
};

/// What says something about a Python program.
constexpr auto kPythonFlags = std::to_array<OtherFlag>({
    {"-c", "CODE is Python"},
    {"--entry", "a command has no functions"},
    {"--args", "a command has no functions"},
    {"--policy", "a policy is about Python source"},
    {"--no-validate", "a command is never validated"},
    {"--repeat", "only an interpreter can be kept warm"},
});

/// What does not go with a terminal.
constexpr auto kPipeFlags = std::to_array<OtherFlag>({
    {"--stdin", "the terminal is the job's stdin"},
    {"--repeat", "there is one terminal, and one job on it"},
    {"--compat-arch", "what guards the terminal knows this machine's own calls"},
});

/// A shell runs what is typed, checked by nobody.
constexpr auto kScriptFlags = std::to_array<OtherFlag>({
    {"-c", "the program is what is typed"},
    {"--entry", "the program is what is typed"},
    {"--args", "the program is what is typed"},
    {"--policy", "what is typed is not validated"},
    {"--no-validate", "what is typed is never validated"},
});

void refuse_flags(const CLI::App& app, std::string_view asked, std::span<const OtherFlag> flags) {
    for (const OtherFlag& flag : flags) {
        if (app.count(flag.name) == 0) continue;
        throw UsageError(concat(asked, " does not go with ", flag.name, ": ", flag.why),
                         concat("leave out ", flag.name));
    }
}

/// Its help names only what goes with it; the rest is refused with the reason.
void fit_to_shell(CLI::App& app) {
    for (const std::span<const OtherFlag> flags :
         {std::span<const OtherFlag>(kPipeFlags), std::span<const OtherFlag>(kScriptFlags)}) {
        for (const OtherFlag& flag : flags)
            app.get_option(flag.name)->group("");
    }
    app.get_option("--tty")->group("");
    app.get_option("--timeout")->description("Wall-clock limit: 500ms, 10s, 2m [8h]");
}

void refuse_combinations(const CLI::App& app, const RunFlags& flags, RunVerb verb) {
    const bool is_shell = verb == RunVerb::kShell;
    if (flags.exec) refuse_flags(app, "--exec", kPythonFlags);
    if (is_shell) refuse_flags(app, "shell", kScriptFlags);
    if (!flags.tty && !is_shell) return;
    const char* asked = is_shell ? "shell" : "-t";
    refuse_flags(app, asked, kPipeFlags);
    if (flags.result == "-") {
        throw UsageError(concat(asked, " does not go with --result -: stdout shows the terminal"),
                         "name a file: --result result.json");
    }
}

/// In place of a source.
void take_command(std::vector<std::string> words, Job& job) {
    if (words.empty()) {
        throw UsageError("--exec: no command was given",
                         "use 'vitrine run --exec -- CMD ARGS', CMD a command of the rootfs");
    }
    job.command = std::move(words);
}

void take_shell(const std::vector<std::string>& words, Job& job) {
    if (!words.empty()) {
        throw UsageError(concat("shell takes no script: '", words.front(), "'"),
                         "'vitrine run -t SCRIPT' runs one on a terminal; 'vitrine shell --exec -- "
                         "CMD' runs a command of the rootfs");
    }
    job.source = shell_program();
    job.policy = "off";
}

std::optional<SourceProblem> take_program(const RunFlags& flags, bool has_code,
                                          std::vector<std::string> words, RunVerb verb, Job& job) {
    const bool is_shell = verb == RunVerb::kShell;
    std::optional<SourceProblem> problem;
    if (flags.exec) {
        job.policy = "off";
    } else if (is_shell) {
        take_shell(words, job);
    } else {
        if (flags.tty && !has_code && words == std::vector<std::string>{"-"}) {
            throw UsageError("-t: stdin cannot be both the script and the terminal",
                             "put the script in a file");
        }
        problem = take_source(flags, has_code, std::move(words), job);
    }
    if (flags.tty || is_shell) give_terminal(job, is_shell ? "shell" : "-t");
    return problem;
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

ParsedRun parse_run(std::span<const std::string> words, const std::string& default_rootfs,
                    RunVerb verb) {
    const VerbText& text = verb == RunVerb::kRun ? kRunText : kShellText;
    CLI::App app(text.about, concat("vitrine ", text.name));
    app.formatter(std::make_shared<RunHelp>(text));
    app.footer(text.examples);
    app.prefix_command(true);
    RunFlags flags;
    add_flags(app, flags);
    if (verb == RunVerb::kShell) fit_to_shell(app);
    refuse_empty_values(scan_flags(app, words));

    ParsedRun parsed;
    try {
        app.parse(std::vector<std::string>(words.rbegin(), words.rend()));
    } catch (const CLI::CallForHelp&) {
        parsed.help = app.help();
        return parsed;
    } catch (const CLI::ParseError& error) {
        throw UsageError(error.what(),
                         concat("'vitrine ", text.name, " --help' shows how it is used"));
    }
    std::vector<std::string> rest = app.remaining();
    if (!rest.empty() && rest[0] == "--") {
        rest.erase(rest.begin());
    } else if (!rest.empty() && is_flag(rest[0])) {
        refuse_flag(app, text.name, rest[0]);
    }
    RunRequest& request = parsed.request;
    with_flag("--id", flags.id, [&] { request.job.id = checked_id(flags.id); });
    apply_output(flags, request);
    apply_tracers(flags, request);
    apply_repeat(flags, request);
    refuse_combinations(app, flags, verb);
    if (verb == RunVerb::kShell) request.job.limits.timeout = kShellTimeout;
    // Known before the rest: its environment is another.
    if (flags.exec) take_command(std::exchange(rest, {}), request.job);
    apply_job_flags(flags, default_rootfs, request.job);
    parsed.problem = take_program(flags, app.count("-c") > 0, std::move(rest), verb, request.job);
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
