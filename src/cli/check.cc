#include "cli/check.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "base/fd.h"
#include "base/log.h"
#include "cli/check_render.h"
#include "cli/source_file.h"
#include "python/rules.h"
#include "runtime/check.h"
#include "runtime/host.h"

namespace vitrine::cli {

namespace {

constexpr int kRefusedExit = 126;
constexpr int kNotFoundExit = 127;

constexpr const char* kExamples = R"(Examples:
  vitrine check strategy.py
  vitrine check --policy algorithms --format sarif *.py > findings.sarif
  echo 'import os' | vitrine check -

Nothing is run: programs are parsed and judged inside a sandbox. docs/policy.md explains each rule.
Exit codes: 0 clean; 126 findings; 127 a file is missing; 125 wrong usage, or no sandbox.)";

struct CheckFlags {
    std::string format = "text";
    std::string policy = "strategy";
    std::string rootfs;
    std::vector<std::string> paths;
    bool is_quiet = false;
};

/// False when the words only asked for help.
bool parse_flags(std::span<const std::string> words, CheckFlags& flags) {
    CLI::App app("Says what the policy refuses in programs, without running them.",
                 "vitrine check");
    app.footer(kExamples);
    app.add_option("--format", flags.format, "text, json or sarif [text]")
        ->type_name("FORMAT")
        ->check(CLI::IsMember({"text", "json", "sarif"}));
    app.add_option("--policy", flags.policy,
                   "Built-in policy, or a file with a '/' in it [strategy]")
        ->type_name("NAME|FILE");
    app.add_option("--rootfs", flags.rootfs, "Read-only root whose Python parses the programs")
        ->type_name("DIR");
    app.add_flag("-q,--quiet", flags.is_quiet, "No summary on stderr");
    app.add_option("FILE", flags.paths, "Programs; '-' is standard input")->required();
    try {
        app.parse(std::vector<std::string>(words.rbegin(), words.rend()));
    } catch (const CLI::CallForHelp&) {
        write_all(STDOUT_FILENO, app.help());
        return false;
    } catch (const CLI::ParseError& error) {
        throw UsageError(error.what(), "'vitrine check --help' shows how it is used");
    }
    return true;
}

struct Sources {
    std::vector<CheckedFile> files;
    std::vector<std::size_t> readable;  ///< Indices into `files`.
    bool has_missing = false;
};

Sources read_sources(const std::vector<std::string>& paths) {
    Sources sources;
    for (const std::string& path : paths) {
        CheckedFile file;
        const auto problem = path == "-" ? read_source(STDIN_FILENO, "<stdin>", file.source)
                                         : read_script(path, file.source);
        if (problem) {
            sources.has_missing = sources.has_missing || problem->is_missing;
            file.findings = {
                python::make_finding(python::Rule::kSourceUnreadable, problem->message)};
        } else {
            sources.readable.push_back(sources.files.size());
        }
        sources.files.push_back(std::move(file));
    }
    return sources;
}

void check_readable(const CheckFlags& flags, const runtime::InstalledFiles& installed,
                    Sources& sources) {
    if (sources.readable.empty()) return;
    const std::string rootfs =
        flags.rootfs.empty() ? installed.rootfs : std::filesystem::absolute(flags.rootfs).string();
    runtime::CheckRequest request{
        .sources = {}, .policy = flags.policy, .rootfs = rootfs, .profiles = installed.profiles};
    for (const std::size_t index : sources.readable)
        request.sources.push_back(sources.files[index].source);
    auto findings = runtime::check_sources(request);
    for (std::size_t i = 0; i < findings.size(); ++i)
        sources.files[sources.readable[i]].findings = std::move(findings[i]);
}

std::string render(const CheckFlags& flags, const std::vector<CheckedFile>& files) {
    if (flags.format == "json") return render_json(files, flags.policy);
    if (flags.format == "sarif") return render_sarif(files);
    return render_text(files);
}

std::size_t count_refused(const std::vector<CheckedFile>& files) {
    return static_cast<std::size_t>(std::ranges::count_if(files, [](const CheckedFile& file) {
        return std::ranges::any_of(file.findings, [](const Finding& finding) {
            return finding.severity == Severity::kError;
        });
    }));
}

int check_files(const CheckFlags& flags) {
    const runtime::InstalledFiles installed = runtime::installed_files();
    Sources sources = read_sources(flags.paths);
    check_readable(flags, installed, sources);
    write_all(STDOUT_FILENO, render(flags, sources.files));
    const std::size_t refused = count_refused(sources.files);
    const Log log(flags.is_quiet ? LogLevel::kError : LogLevel::kInfo, LogFormat::kText);
    log.info(concat("checked ", sources.files.size(),
                    sources.files.size() == 1 ? " file" : " files", " under the policy '",
                    flags.policy, "': ", refused, " refused"));
    if (sources.has_missing) return kNotFoundExit;
    return refused == 0 ? 0 : kRefusedExit;
}

}  // namespace

int check_command(std::span<const std::string> words) {
    CheckFlags flags;
    return parse_flags(words, flags) ? check_files(flags) : 0;
}

}  // namespace vitrine::cli
