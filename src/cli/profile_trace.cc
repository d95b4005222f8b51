// vitrine profile trace: trusted programs are run, and the smallest profile they need is written.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>

#include "base/error.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/output_file.h"
#include "base/random_id.h"
#include "base/units.h"
#include "cli/flag_words.h"
#include "cli/job_flags.h"
#include "cli/profile_verbs.h"
#include "cli/source_file.h"
#include "runtime/host.h"
#include "runtime/run.h"
#include "seccomp/sources.h"
#include "seccomp/trace.h"

namespace vitrine::cli {

namespace {

constexpr std::uint64_t kMostRuns = 1000;
constexpr int kNotFoundExit = 127;
constexpr int kNotReadableExit = 126;

/// Where a traced profile's conditions come from.
constexpr const char* kConditions = "docker-default";

/// Made by Vitrine under the filter, around every program, warm or cold; and by the kernel itself
/// in a program's name, when a signal comes.
constexpr auto kAlwaysNeeded =
    std::to_array<const char*>({"read", "write", "close", "brk", "mmap", "munmap", "exit_group",
                                "rt_sigreturn", "restart_syscall"});

constexpr const char* kFooter =
    R"(Every call that a program makes is taken down, with what the filter says of it, and answered so. The
profile lets through what was let through: with the conditions on arguments that Docker's default
has, as far as they are needed. A call that was refused keeps its errno. Programs must be trusted:
what they ask for is what they are given.

What a program did not do while it was traced, its profile does not allow: run the program as it
will be used, more than once where threads or time have a say in what it does.

Examples:
  vitrine profile trace -o mine.json backtest.py
  vitrine profile trace --ro-bind prices.csv:/data/prices.csv -o mine.json a.py b.py
  vitrine profile trace --base python-strict -o mine.json a.py
  vitrine profile trace --base ./mine.json -o mine.json another.py
  vitrine run --security-opt seccomp=./mine.json backtest.py)";

struct TraceFlags : JobFlags {
    std::string output = "-", base, runs = "3";
    std::vector<std::string> programs;
};

class TraceHelp : public CLI::Formatter {
  public:
    std::string make_usage(const CLI::App* /*app*/, std::string /*name*/) const override {
        return "Usage: vitrine profile trace [FLAGS] PROGRAM.py...\n";
    }
    std::string make_positionals(const CLI::App* /*app*/) const override { return {}; }
};

/// False when help was asked for, and given.
bool parse(std::span<const std::string> words, TraceFlags& flags) {
    CLI::App app(
        "Runs trusted programs and writes the smallest seccomp profile that lets them run again.",
        "vitrine profile trace");
    app.formatter(std::make_shared<TraceHelp>());
    app.footer(kFooter);
    app.add_option("-o,--output", flags.output,
                   "File to write; '-' is stdout, and the programs' goes to stderr [-]")
        ->type_name("FILE");
    app.add_option("--base", flags.base, "Let through what this profile does, and what is missing")
        ->type_name("PROFILE");
    app.add_option("--runs", flags.runs, "How often each program is run [3]")->type_name("N");
    add_job_flags(app, flags);
    app.add_option("programs", flags.programs, "Programs to run")
        ->option_text(" ")
        ->required()
        ->expected(1, -1);
    refuse_empty_values(scan_flags(app, words));
    try {
        app.parse(std::vector<std::string>(words.rbegin(), words.rend()));
    } catch (const CLI::CallForHelp&) {
        print(app.help());
        return false;
    } catch (const CLI::ParseError& error) {
        throw UsageError(error.what(), "'vitrine profile trace --help' shows how it is used");
    }
    return true;
}

/// The base as one document. Several profiles joined by '+' are none.
std::string read_base(const TraceFlags& flags, const std::string& profiles) {
    if (flags.base.empty()) return {};
    return with_context("--base", [&] {
        const auto parts = seccomp::read_parts(flags.base, profiles);
        if (parts.size() > 1) {
            throw UsageError("profiles that are joined by '+' cannot be added to",
                             "take one of them, and join the others to what is written");
        }
        return parts.front().json;
    });
}

Job make_job(const TraceFlags& flags, const std::string& rootfs, const std::string& program,
             std::optional<SourceProblem>& problem) {
    Job job;
    job.policy = "off";  // The caller's own programs.
    job.id = random_id();
    apply_job_flags(flags, rootfs, job);
    job.explains_denied = false;
    problem = read_script(program, job.source);
    return job;
}

/// Whether it ended as a program should that is to be taken for an example.
bool tell_ending(const Log& log, const std::string& program, const Result& result) {
    if (result.status == Status::kExited && result.exit_code == 0) return true;
    if (result.error) {
        throw Error(concat("'", program, "' was not run: ", result.error->message),
                    result.error->hint);
    }
    const std::string how = result.exit_code ? concat("with exit code ", *result.exit_code)
                            : result.signal  ? concat("by signal ", *result.signal)
                                             : "early, by the policy or a limit";
    log.warning(concat("'", program, "' ended ", how,
                       ": the profile has what it called until then, and nothing else"));
    return false;
}

struct Tracing {
    const TraceFlags& flags;
    runtime::InstalledFiles files;
    Log log;
    seccomp::CallTrace trace;
    bool all_ended_well = true;
};

int trace_program(Tracing& tracing, const std::string& program, std::uint64_t runs) {
    std::optional<SourceProblem> problem;
    const Job job = make_job(tracing.flags, tracing.files.rootfs, program, problem);
    if (problem) {
        tracing.log.error(problem->message);
        return problem->is_missing ? kNotFoundExit : kNotReadableExit;
    }
    // A descriptor of its own: two streams cannot wait for one.
    const UniqueFd programs_stdout =
        duplicate(tracing.flags.output == "-" ? STDERR_FILENO : STDOUT_FILENO);
    for (std::uint64_t i = 0; i < runs; ++i) {
        const runtime::RunReport report =
            runtime::run(job, {.profiles = tracing.files.profiles,
                               .stdout_fd = programs_stdout.get(),
                               .stderr_fd = STDERR_FILENO,
                               .on_call = [&](const seccomp_data& call, std::uint32_t outcome) {
                                   tracing.trace.note(call, outcome);
                               }});
        if (report.interrupt_signal != 0) return report.exit_code;
        const bool ended_well = tell_ending(tracing.log, program, report.result);
        tracing.all_ended_well = tracing.all_ended_well && ended_well;
    }
    return 0;
}

void tell_refused(const Log& log, const seccomp::CallTrace& trace) {
    for (const seccomp::RefusedCall& call : trace.refused()) {
        log.info(concat("refused while it was traced, and by the profile: ", call.name, " (",
                        seccomp::describe_outcome(call.outcome), ")"));
    }
}

/// Known to be writable before anything is run. None for stdout.
std::optional<OutputFile> open_output(const TraceFlags& flags) {
    std::optional<OutputFile> file;
    if (flags.output != "-") with_context("--output", [&] { file.emplace(flags.output); });
    return file;
}

void write_profile(const Tracing& tracing, std::optional<OutputFile>& file,
                   const std::string& profile) {
    const std::string& output = tracing.flags.output;
    if (!file) return print(profile);
    file->write(profile);
    tracing.log.info(concat("profile: '", output, "': ", tracing.trace.let_through().size(),
                            " system calls of ", tracing.flags.programs.size(), " program",
                            tracing.flags.programs.size() == 1 ? "" : "s",
                            " are let through (vitrine profile show ",
                            output.find('/') == std::string::npos ? "./" : "", output, ")"));
}

}  // namespace

int trace_profile(std::span<const std::string> words) {
    TraceFlags flags;
    if (!parse(words, flags)) return 0;
    const std::uint64_t runs =
        with_context("--runs", [&] { return parse_integer(flags.runs, 1, kMostRuns); });
    const runtime::InstalledFiles files = runtime::installed_files();
    const std::string base = read_base(flags, files.profiles);
    std::optional<OutputFile> output = open_output(flags);
    const Voice voice = read_voice(flags);
    Tracing tracing{
        .flags = flags,
        .files = files,
        .log = Log(voice.level, voice.format),
        .trace = {seccomp::read_parts(kConditions, files.profiles).front(), seccomp::host_facts()}};
    for (const std::string& program : flags.programs) {
        if (const int failed = trace_program(tracing, program, runs); failed != 0) return failed;
    }
    for (const char* name : kAlwaysNeeded)
        tracing.trace.need(name);
    tell_refused(tracing.log, tracing.trace);
    write_profile(tracing, output, tracing.trace.profile(base));
    return tracing.all_ended_well ? 0 : 1;
}

}  // namespace vitrine::cli
