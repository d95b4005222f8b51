#include "runtime/job_check.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/error.h"
#include "runtime/bind_check.h"

namespace vitrine::runtime {

namespace {

constexpr std::size_t kMaxHostname = 64;
constexpr std::size_t kMaxJobId = 256;

void refuse_nul(const char* member, const std::string& text) {
    if (text.find('\0') == std::string::npos) return;
    throw UsageError(concat(member, ": it holds a NUL character"));
}

void check_path(const char* member, const std::string& path) {
    refuse_nul(member, path);
    if (path.starts_with('/')) return;
    throw UsageError(concat(member, ": '", path, "' is not absolute"),
                     "another process opens it: give the whole path");
}

/// A built-in name, or a file.
void check_name_or_path(const char* member, const std::string& text) {
    refuse_nul(member, text);
    if (text.find('/') != std::string::npos) check_path(member, text);
}

/// Joined by `+`, unless that is part of a path.
void check_profiles(const std::string& profiles) {
    refuse_nul("seccomp_profile", profiles);
    if (profiles.starts_with('/')) return;
    std::istringstream parts(profiles);
    for (std::string part; std::getline(parts, part, '+');)
        check_name_or_path("seccomp_profile", part);
}

void check_id(const std::string& id) {
    const bool is_printable =
        std::ranges::none_of(id, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
    if (id.size() <= kMaxJobId && is_printable) return;
    throw UsageError("id: it has control characters or is longer than 256 bytes");
}

void check_ids(const Job& job) {
    for (const auto id : {job.uid, job.gid}) {
        if (id >= 1 && id <= kMaxId) continue;
        throw UsageError(concat("uid, gid: ", id, " cannot be a job's"),
                         "it would have no privilege anyway; use another number, such as 1000");
    }
}

void check_limits(const Limits& limits) {
    // Written this way round, a NaN is refused, too.
    if (!(limits.cpus > 0 && limits.cpus <= kMaxCpus)) {
        throw UsageError("limits.cpus: no machine has as many", "use a number such as 0.5 or 4");
    }
    if (limits.pids < 1 || limits.pids > kMaxPids) {
        throw UsageError("limits.pids: from 1 to 4194304 are possible");
    }
    const bool is_timed = limits.timeout.count() > 0 &&
                          limits.cpu_time.value_or(std::chrono::nanoseconds(1)).count() > 0;
    if (!is_timed) throw UsageError("limits.timeout, limits.cpu_time: a time must be positive");
    if (limits.memory_bytes == 0 || limits.tmpfs_bytes == 0 || limits.tmpfs_inodes == 0) {
        throw UsageError("limits: memory_bytes, tmpfs_bytes and tmpfs_inodes must be positive");
    }
}

void check_required(const std::vector<std::string>& layers) {
    for (const std::string& layer : layers) {
        if (std::ranges::find(kLayers, layer) != std::end(kLayers)) continue;
        throw UsageError(concat("required: unknown layer '", layer, "'"),
                         "the layers are cgroup, landlock, groups, memfd_noexec");
    }
}

void check_input(const Job& job) {
    refuse_nul("source.name", job.source.name);
    for (const std::string& word : job.arguments)
        refuse_nul("arguments", word);
    if (job.stdin_path == "-") {
        throw UsageError("stdin_path: '-' is nobody's stdin here",
                         "name a file, or give the text itself with stdin_text");
    }
    if (!job.stdin_path.empty()) check_path("stdin_path", job.stdin_path);
    if (!job.entry) return;
    refuse_nul("entry.function", job.entry->function);
    if (!nlohmann::json::accept(job.entry->arguments_json) ||
        !nlohmann::json::parse(job.entry->arguments_json).is_structured()) {
        throw UsageError("entry.arguments_json: it is no JSON array or object");
    }
}

void check_environment(const Job& job) {
    for (const auto& [name, value] : job.environment) {
        refuse_nul("environment", name);
        refuse_nul("environment", value);
        if (!name.empty() && name.find('=') == std::string::npos) continue;
        throw UsageError(concat("environment: '", name, "' is no name of a variable"));
    }
}

void check_bind(Bind& bind) {
    check_path("binds", bind.source);
    refuse_nul("binds", bind.destination);
    std::error_code error;
    const std::string path = std::filesystem::canonical(bind.source, error);
    if (error) {
        throw UsageError(concat("binds: '", bind.source, "' cannot be bound: ", error.message()),
                         "check the path; it is the host's");
    }
    with_context("binds", [&] {
        check_bind_source(path, bind.is_writable);
        bind = {.source = path,
                .destination = checked_bind_destination(bind.destination),
                .is_writable = bind.is_writable};
    });
}

}  // namespace

void check_hostname(const std::string& hostname) {
    const bool is_valid =
        !hostname.empty() && hostname.size() <= kMaxHostname && hostname.front() != '-' &&
        std::ranges::all_of(
            hostname, [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '.'; });
    if (!is_valid) {
        throw UsageError(concat("'", hostname, "' is not a hostname"),
                         "use up to 64 letters, digits, dots and hyphens");
    }
}

void check_workdir(const std::string& path) {
    if (!path.starts_with('/')) {
        throw UsageError(concat("'", path, "' is not a directory of the sandbox"),
                         "give an absolute path, such as /tmp");
    }
}

void check_job(Job& job) {
    check_id(job.id);
    check_ids(job);
    check_limits(job.limits);
    check_input(job);
    check_environment(job);
    check_required(job.required);
    with_context("hostname", [&] { check_hostname(job.hostname); });
    refuse_nul("workdir", job.workdir);
    with_context("workdir", [&] { check_workdir(job.workdir); });
    check_path("rootfs", job.rootfs);
    if (!job.artifacts.empty()) check_path("artifacts", job.artifacts);
    check_profiles(job.seccomp_profile);
    check_name_or_path("policy", job.policy);
    for (Bind& bind : job.binds)
        check_bind(bind);
}

}  // namespace vitrine::runtime
