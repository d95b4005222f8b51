#include "cli/rootfs.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/units.h"
#include "cli/rootfs_inside.h"
#include "cli/rootfs_inspect.h"
#include "rootfs/build.h"
#include "rootfs/debian.h"
#include "rootfs/import.h"
#include "rootfs/recipe.h"
#include "rootfs/snapshot.h"
#include "rootfs/staging.h"
#include "runtime/caretaker.h"
#include "runtime/host.h"
#include "runtime/snapshot.h"

namespace vitrine::cli {

namespace {

constexpr const char* kExamples = R"(Examples:
  vitrine rootfs build -o build/rootfs/minimal
  vitrine rootfs build -o scientific --recipe scientific
  vitrine rootfs build -o mine --from-venv .venv
  vitrine rootfs show scientific
  vitrine rootfs verify scientific
  vitrine rootfs snapshot scientific
  vitrine run --rootfs scientific -c 'import numpy; print(numpy.arange(3))')";

constexpr const char* kImportExamples = R"(Examples:
  docker save python:3.11-slim -o python.tar && vitrine rootfs import python.tar -o python
  vitrine rootfs import --quiet root.tar.gz -o mine
  vitrine rootfs import --bytecode slim.tar -o slim

Reads what 'docker save' writes, an OCI layout as one tar, or a tar of a root, plain or compressed
with gzip or zstd. Nothing is fetched. Nothing of the archive is run, but by --bytecode, in a
sandbox: its Python compiles its modules once, so that no job does, and is kept started (see
'vitrine rootfs snapshot --help'). Python must be 3.9 to 3.13, with its shared libpython, on a glibc
no newer than this host's.)";

constexpr const char* kBuildExamples = R"(Examples:
  vitrine rootfs build -o build/rootfs/minimal
  vitrine rootfs build -o scientific --recipe scientific
  vitrine rootfs build -o plots --with numpy,matplotlib
  vitrine rootfs build -o tools --with-command busybox
  vitrine rootfs build -o mine --from-venv .venv
  vitrine rootfs build -o newer --python ~/.pyenv/versions/3.11.7/bin/python3
  vitrine rootfs build -o fetched --recipe debian

A rootfs is an ordinary directory that holds Python and, without --with-command,
nothing to execute. One that Vitrine made before is replaced at once when the new one is complete.)";

constexpr const char* kSnapshotExamples = R"(Examples:
  vitrine rootfs snapshot
  vitrine rootfs snapshot scientific --preload numpy,pandas

Starts the rootfs's Python once, in a sandbox, and keeps the memory of it in DIR/.vitrine/snapshot:
a cold run goes on from there instead of starting it again, in half the time. It fits this host and
this vitrine. Where the kernel, the processor, the C library, vitrine or the rootfs has changed, runs
start their own interpreter, and this makes it anew.)";

struct ImportFlags {
    rootfs::ImportRequest request;
    bool has_bytecode = false;
    bool is_quiet = false;
};

void add_import_flags(CLI::App& import, ImportFlags& flags) {
    import.add_option("ARCHIVE", flags.request.archive, "The image or tar")->required();
    import.add_option("-o,--output", flags.request.output, "Directory to make")
        ->required()
        ->type_name("DIR");
    import.add_flag("--bytecode", flags.has_bytecode,
                    "Run its own Python in a sandbox: compile its modules, keep it started");
    import.add_flag("-q,--quiet", flags.is_quiet, "No progress, no summary");
    import.footer(kImportExamples);
}

struct BuildFlags {
    rootfs::BuildRequest request;
    std::string recipe;
    bool has_snapshot = true;
    bool is_quiet = false;
};

struct SnapshotFlags {
    std::string directory;
    std::vector<std::string> modules;
    bool is_quiet = false;
};

void add_snapshot_flags(CLI::App& snapshot, SnapshotFlags& flags) {
    snapshot.add_option("DIR", flags.directory, "The rootfs [the default one]");
    snapshot
        .add_option("--preload", flags.modules,
                    "Modules that are imported already when a program starts")
        ->type_name("NAME,...")
        ->delimiter(',');
    snapshot.add_flag("-q,--quiet", flags.is_quiet, "No summary");
    snapshot.footer(kSnapshotExamples);
}

std::string recipe_help() {
    std::string text = "A recipe's name, or its file:";
    for (const rootfs::Recipe& recipe : rootfs::known_recipes())
        text += concat(" '", recipe.name, "' is ", recipe.summary, ";");
    text.pop_back();
    return text;
}

void add_build_flags(CLI::App& build, BuildFlags& flags) {
    build.add_option("-o,--output", flags.request.output, "Directory to make")
        ->required()
        ->type_name("DIR");
    build.add_option("--recipe", flags.recipe, recipe_help())->type_name("NAME|FILE");
    CLI::Option* python =
        build
            .add_option("--python", flags.request.python,
                        "Interpreter to make it from [the one Vitrine was built against]")
            ->type_name("EXE");
    build
        .add_option("--from-venv", flags.request.environment,
                    "Take all that is installed in a virtual environment")
        ->type_name("DIR")
        ->excludes(python);
    build
        .add_option("--with", flags.request.distributions,
                    "Installed distributions to take along, with all they need")
        ->type_name("NAME,...")
        ->delimiter(',');
    build
        .add_option("--with-command", flags.request.commands,
                    "Programs of the host to take along, executable: by name or path")
        ->type_name("NAME,...")
        ->delimiter(',');
    build.add_flag_callback(
        "--no-bytecode", [&flags] { flags.request.has_bytecode = false; },
        "Compile nothing: every job compiles what it imports");
    build.add_flag_callback(
        "--no-snapshot", [&flags] { flags.has_snapshot = false; },
        "Keep no started Python: see 'vitrine rootfs snapshot --help'");
    build.add_flag("-q,--quiet", flags.is_quiet, "No progress, no summary");
    build.footer(kBuildExamples);
}

std::string in_units(std::size_t bytes, Clock::duration taken) {
    return concat(bytes >> 20U, " MiB, in ",
                  format_duration(std::chrono::duration_cast<std::chrono::milliseconds>(taken)));
}

void tell_summary(const Log& log, const std::string& output, const rootfs::Manifest& manifest,
                  Clock::duration taken) {
    log.info(concat("rootfs: '", output, "' is ready: Python ", manifest.python.version, ", ",
                    manifest.entries.size(), " entries, ",
                    in_units(rootfs::total_bytes(manifest.entries), taken)));
}

/// What the recipe and the flags ask for, by whichever of the two ways.
rootfs::Manifest build_as_asked(BuildFlags& flags) {
    rootfs::BuildRequest& request = flags.request;
    if (flags.recipe.empty()) return rootfs::build(request).manifest;
    const rootfs::Recipe recipe = rootfs::read_recipe(flags.recipe);
    if (recipe.suite.empty()) {
        request.recipe = recipe.name;
        std::ranges::copy(recipe.distributions, std::back_inserter(request.distributions));
        return rootfs::build(request).manifest;
    }
    if (!request.python.empty() || !request.environment.empty() || !request.distributions.empty() ||
        !request.commands.empty()) {
        throw UsageError(
            concat("the recipe '", recipe.name, "' takes nothing of the host's Python"),
            "leave out --python, --from-venv, --with and --with-command; add packages to the "
            "recipe");
    }
    return rootfs::build_from_debian(
        {.recipe = recipe,
         .output = request.output,
         .run_inside = request.has_bytecode ? rootfs::RunInside(run_inside) : rootfs::RunInside(),
         .progress = request.progress});
}

constexpr int kSignalBase = 128;

/// A rootfs is whole without: where nothing can be run, as in a container, it is said.
int snapshot_new(const std::string& directory, bool is_quiet) {
    if (!runtime::has_snapshots()) return 0;
    const Log log(is_quiet ? LogLevel::kWarning : LogLevel::kInfo, LogFormat::kText);
    try {
        const auto start = Clock::now();
        const std::size_t bytes =
            runtime::make_snapshot(directory, runtime::installed_files().profiles);
        log.info(concat("rootfs: it has a started Python for cold runs: ",
                        in_units(bytes, Clock::now() - start)));
    } catch (const rootfs::SnapshotInterrupted& interrupted) {
        log.error(concat("rootfs: interrupted; '", directory, "' is ready, without a snapshot"));
        return kSignalBase + interrupted.signal();
    } catch (const Error& error) {
        log.warning(
            concat("rootfs: without a snapshot every cold run starts Python: ", error.what()));
    }
    return 0;
}

int snapshot_rootfs(const SnapshotFlags& flags) {
    const Log log(flags.is_quiet ? LogLevel::kError : LogLevel::kInfo, LogFormat::kText);
    const runtime::InstalledFiles files = runtime::installed_files();
    const std::string directory = flags.directory.empty() ? files.rootfs : flags.directory;
    const auto start = Clock::now();
    try {
        const std::size_t bytes = runtime::make_snapshot(directory, files.profiles, flags.modules);
        log.info(concat("rootfs: '", directory,
                        "' has a started Python: ", in_units(bytes, Clock::now() - start)));
        return 0;
    } catch (const rootfs::SnapshotInterrupted& interrupted) {
        log.error(concat("rootfs: ", interrupted.what()));
        return kSignalBase + interrupted.signal();
    }
}

int build_rootfs(BuildFlags& flags) {
    const Log log(flags.is_quiet ? LogLevel::kError : LogLevel::kInfo, LogFormat::kText);
    flags.request.progress = [&log](const std::string& line) { log.info("rootfs: " + line); };
    const auto start = Clock::now();
    const rootfs::Manifest manifest = build_as_asked(flags);
    tell_summary(log, flags.request.output, manifest, Clock::now() - start);
    return 0;
}

int import_rootfs(ImportFlags& flags) {
    const Log log(flags.is_quiet ? LogLevel::kError : LogLevel::kInfo, LogFormat::kText);
    flags.request.progress = [&log](const std::string& line) { log.info("rootfs: " + line); };
    if (flags.has_bytecode) flags.request.run_inside = run_inside;
    const auto start = Clock::now();
    const rootfs::Manifest manifest = rootfs::import_archive(flags.request);
    tell_summary(log, flags.request.output, manifest, Clock::now() - start);
    return 0;
}

/// Makes `output` by `make`; interrupted, nothing of it is left. Then, where it is there, does
/// `finish`.
int make_carefully(const std::string& output, const std::function<int()>& make,
                   const std::function<int()>& finish) {
    const auto clean_up = [&output] {
        rootfs::remove_unfinished(output);
        const Log log(LogLevel::kError, LogFormat::kText);
        log.error(concat("rootfs: interrupted; '", output, "' is what it was before"));
    };
    if (const std::optional<int> exit_code = runtime::leave_to_child(clean_up)) {
        return *exit_code == 0 ? finish() : *exit_code;
    }
    return make();
}

int parse_and_do(std::span<const std::string> words) {
    CLI::App app("Makes and inspects the read-only roots that programs run in.", "vitrine rootfs");
    app.require_subcommand(1);
    app.footer(kExamples);
    CLI::App* build = app.add_subcommand("build", "Make a rootfs from an installed Python");
    BuildFlags build_flags;
    add_build_flags(*build, build_flags);
    CLI::App* import = app.add_subcommand("import", "Make a rootfs from an image or a tar");
    ImportFlags import_flags;
    add_import_flags(*import, import_flags);
    InspectFlags inspect_flags;
    CLI::App* verify = app.add_subcommand("verify", "Compare a rootfs with its manifest");
    add_verify_flags(*verify, inspect_flags);
    CLI::App* snapshot =
        app.add_subcommand("snapshot", "Keep a started Python for cold runs to go on from");
    SnapshotFlags snapshot_flags;
    add_snapshot_flags(*snapshot, snapshot_flags);
    CLI::App* show = app.add_subcommand("show", "Tell what is in a rootfs");
    add_show_flags(*show, inspect_flags);
    try {
        app.parse(std::vector<std::string>(words.rbegin(), words.rend()));
    } catch (const CLI::CallForHelp&) {
        const auto parsed = app.get_subcommands();
        write_all(STDOUT_FILENO,
                  parsed.empty() ? app.help() : parsed.front()->help(app.get_name()));
        return 0;
    } catch (const CLI::ParseError& error) {
        const auto parsed = app.get_subcommands();
        const std::string verb = parsed.empty() ? "" : " " + parsed.front()->get_name();
        throw UsageError(error.what(),
                         concat("'vitrine rootfs", verb, " --help' shows how it is used"));
    }
    if (import->parsed()) {
        return make_carefully(
            import_flags.request.output, [&] { return import_rootfs(import_flags); },
            [&] {
                return import_flags.has_bytecode
                           ? snapshot_new(import_flags.request.output, import_flags.is_quiet)
                           : 0;
            });
    }
    if (snapshot->parsed()) return snapshot_rootfs(snapshot_flags);
    if (verify->parsed()) return verify_rootfs(inspect_flags);
    if (show->parsed()) return show_rootfs(inspect_flags);
    return make_carefully(
        build_flags.request.output, [&] { return build_rootfs(build_flags); },
        [&] {
            return build_flags.has_snapshot
                       ? snapshot_new(build_flags.request.output, build_flags.is_quiet)
                       : 0;
        });
}

}  // namespace

int rootfs_command(std::span<const std::string> words) {
    return parse_and_do(words);
}

}  // namespace vitrine::cli
