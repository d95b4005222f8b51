#include "cli/job_flags.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <filesystem>

#include "cli/binds.h"
#include "cli/limit_flags.h"
#include "cli/run_flags.h"
#include "cli/suggest.h"
#include "runtime/job_check.h"
#include "runtime/job_defaults.h"

namespace vitrine::cli {

namespace {

struct TextFlag {
    const char* names;
    std::string JobFlags::* value;
    const char* placeholder;
    const char* help;
};

constexpr auto kTextFlags = std::to_array<TextFlag>({
    {"--rootfs", &JobFlags::rootfs, "DIR", "Read-only root, made by 'vitrine rootfs build'"},
    {"-w,--workdir", &JobFlags::workdir, "DIR", "Working directory in the sandbox [/tmp]"},
    {"--env-file", &JobFlags::env_file, "FILE", "File of NAME=VALUE lines"},
    {"-u,--user", &JobFlags::user, "UID[:GID]", "Ids the job sees itself as [1000:1000]"},
    {"--hostname", &JobFlags::hostname, "NAME", "Hostname the job sees [vitrine]"},
    {"--network", &JobFlags::network, "none", "The only network there is"},
    {"--security-opt", &JobFlags::security, "seccomp=PROFILE",
     "Seccomp profiles, joined by '+' to get the stricter of them: built-in names, or files in "
     "Docker's or the OCI's form [docker-default+hardened]"},
    {"--cap-drop", &JobFlags::cap_drop, "ALL", "Accepted; every capability is always dropped"},
    {"--policy", &JobFlags::policy, "NAME|FILE", "What layer 1 allows [strategy]"},
    {"--entry", &JobFlags::entry, "FUNC", "Call FUNC of the script; its return value is 'value'"},
    {"--args", &JobFlags::arguments, "JSON", "Arguments of --entry: an array, or keywords"},
    {"--stdin", &JobFlags::stdin_path, "FILE",
     "What the job reads on stdin; '-' is ours [nothing]"},
    {"--artifacts", &JobFlags::artifacts, "DIR", "Collect what the job leaves in /tmp/out there"},
    {"--require", &JobFlags::require, "LAYER,...",
     "Refuse to run without: cgroup, landlock, groups, memfd_noexec"},
    {"--log-level", &JobFlags::log_level, "LEVEL", "debug, info, warning, error or off [info]"},
    {"--log-format", &JobFlags::log_format, "FORMAT", "text or json [text]"},
});

void add_limit_flags(CLI::App& app, JobFlags& flags) {
    flags.limits.resize(limit_flags().size());
    for (std::size_t i = 0; i < flags.limits.size(); ++i) {
        const LimitFlag& flag = limit_flags()[i];
        app.add_option(flag.names, flags.limits[i], flag.help)
            ->type_name(flag.placeholder)
            ->expected(1)
            ->multi_option_policy(flag.may_repeat ? CLI::MultiOptionPolicy::TakeAll
                                                  : CLI::MultiOptionPolicy::TakeLast)
            // Otherwise the script that follows would be one more value.
            ->allow_extra_args(false);
    }
}

void apply_limits(const JobFlags& flags, Limits& limits) {
    for (std::size_t i = 0; i < flags.limits.size(); ++i) {
        const LimitFlag& flag = limit_flags()[i];
        for (const std::string& text : flags.limits[i])
            with_context(concat("--", flag.name), [&] { flag.set(limits, text); });
    }
}

void check_fixed_values(const JobFlags& flags) {
    if (!flags.network.empty() && flags.network != "none") {
        throw UsageError(concat("--network: unknown network '", flags.network, "'"),
                         "'none' is the only one: a job has no network but its own loopback");
    }
    if (!flags.cap_drop.empty() && flags.cap_drop != "ALL" && flags.cap_drop != "all") {
        throw UsageError(concat("--cap-drop: '", flags.cap_drop, "' alone cannot be dropped"),
                         "a job never has any capability; use --cap-drop ALL or leave it out");
    }
}

void apply_binds(const JobFlags& flags, Job& job) {
    for (const std::string& text : flags.binds) {
        with_context("--ro-bind",
                     [&] { job.binds.push_back(parse_bind(text, BindAccess::kReadOnly)); });
    }
    for (const std::string& text : flags.writable_binds) {
        with_context("--bind",
                     [&] { job.binds.push_back(parse_bind(text, BindAccess::kReadWrite)); });
    }
    for (const std::string& text : flags.volumes) {
        with_context("-v", [&] { job.binds.push_back(parse_volume(text)); });
    }
}

void apply_sandbox(const JobFlags& flags, Job& job) {
    check_fixed_values(flags);
    with_flag("--workdir", flags.workdir, [&] {
        runtime::check_workdir(flags.workdir);
        job.workdir = flags.workdir;
    });
    with_flag("--hostname", flags.hostname, [&] {
        runtime::check_hostname(flags.hostname);
        job.hostname = flags.hostname;
    });
    with_flag("--user", flags.user, [&] { set_user(job, flags.user); });
    with_flag("--security-opt", flags.security,
              [&] { job.seccomp_profile = parse_security_option(flags.security); });
    job.compat_arch = flags.compat_arch;
    job.explains_denied = flags.explain_denied;
    job.uses_snapshot = !flags.no_snapshot;
    with_flag("--require", flags.require, [&] { job.required = parse_layers(flags.require); });
    apply_binds(flags, job);
    if (job.compat_arch && std::ranges::any_of(job.binds, &Bind::is_writable)) {
        throw UsageError("--compat-arch does not go with a bind that the job may write to",
                         "what keeps it from making set-id files there knows this machine's own "
                         "calls; make the bind read-only, or leave out --compat-arch");
    }
    if (!flags.rootfs.empty()) job.rootfs = std::filesystem::absolute(flags.rootfs).string();
}

void apply_program(const JobFlags& flags, Job& job) {
    if (!flags.policy.empty()) job.policy = flags.policy;
    if (flags.no_validate) job.policy = "off";
    if (!flags.arguments.empty() && flags.entry.empty()) {
        throw UsageError("--args needs --entry", "name the function that takes the arguments");
    }
    if (!flags.entry.empty()) job.entry = EntryPoint{.function = flags.entry};
    with_flag("--args", flags.arguments, [&] {
        check_arguments_json(flags.arguments);
        job.entry->arguments_json = flags.arguments;
    });
    job.stdin_path = flags.stdin_path;
    if (!flags.artifacts.empty()) job.artifacts = std::filesystem::absolute(flags.artifacts);
}

}  // namespace

void add_job_flags(CLI::App& app, JobFlags& flags) {
    add_limit_flags(app, flags);
    for (const TextFlag& flag : kTextFlags) {
        app.add_option(flag.names, flags.*flag.value, flag.help)
            ->type_name(flag.placeholder)
            ->take_last();
    }
    const auto add_list = [&](const char* names, std::vector<std::string>& values,
                              const char* placeholder, const char* help) {
        app.add_option(names, values, help)
            ->type_name(placeholder)
            ->expected(1)
            ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
            // Otherwise the script that follows would be one more value.
            ->allow_extra_args(false);
    };
    add_list("--ro-bind", flags.binds, "SRC[:DST]",
             "Show a host file or directory, read-only; may be repeated");
    add_list("--bind", flags.writable_binds, "SRC[:DST]",
             "Show a host file or directory that the job may change; may be repeated");
    add_list("-v,--volume", flags.volumes, "SRC:DST[:ro]",
             "The same in docker's spelling; may be repeated");
    add_list("-e,--env", flags.variables, "NAME[=VALUE]",
             "Set a variable, or pass ours on; may be repeated");
    app.add_flag("--compat-arch", flags.compat_arch,
                 "Allow calls of the profile's sub-architectures (x86, x32), too");
    app.add_flag("--explain-denied", flags.explain_denied,
                 "Tell which system calls the filter denied, why, and what would allow them");
    app.add_flag("--no-snapshot", flags.no_snapshot,
                 "Cold, start an interpreter: with a hash seed and addresses of its own");
    app.add_flag("--no-validate", flags.no_validate, "No layer 1: the same as --policy off");
    app.add_flag("-q,--quiet", flags.quiet, "No warnings, nothing on stderr but the program's");
    app.add_flag("--verbose", flags.verbosity, "Tell the launch step by step; twice for more");
}

void apply_job_flags(const JobFlags& flags, const std::string& default_rootfs, Job& job) {
    apply_limits(flags, job.limits);
    job.environment = read_variables(flags);
    apply_sandbox(flags, job);
    apply_program(flags, job);
    runtime::complete_job(job, std::filesystem::absolute(default_rootfs));
}

std::vector<std::pair<std::string, std::string>> read_variables(const JobFlags& flags) {
    Environment variables;
    with_flag("--env-file", flags.env_file, [&] { add_variables_from(variables, flags.env_file); });
    for (const std::string& text : flags.variables)
        with_context("-e", [&] { add_variable(variables, text); });
    return variables;
}

Voice read_voice(const JobFlags& flags) {
    Voice voice{.verbosity = flags.verbosity};
    if (flags.quiet) voice.level = LogLevel::kOff;
    with_flag("--log-level", flags.log_level,
              [&] { voice.level = parse_log_level(flags.log_level); });
    with_flag("--log-format", flags.log_format,
              [&] { voice.format = parse_log_format(flags.log_format); });
    return voice;
}

std::vector<std::string> flag_names(const CLI::App& app) {
    std::vector<std::string> names;
    for (const CLI::Option* option : app.get_options()) {
        for (const std::string& name : option->get_lnames())
            names.push_back("--" + name);
        for (const std::string& name : option->get_snames())
            names.push_back("-" + name);
    }
    return names;
}

void refuse_flag(const CLI::App& app, const std::string& verb, const std::string& word) {
    const std::string flag = word.substr(0, word.find('='));
    const std::string near = nearest(flag, flag_names(app));
    throw UsageError(concat("unknown flag '", flag, "'"),
                     near.empty()
                         ? concat("'vitrine ", verb, " --help' lists them",
                                  verb == "run" ? "; the program's own flags follow its name, "
                                                  "or '--'"
                                                : "")
                         : concat("did you mean '", near, "'?"));
}

}  // namespace vitrine::cli
