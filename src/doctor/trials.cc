#include "doctor/trials.h"

#include <fcntl.h>
#include <unistd.h>

#include <chrono>

#include "base/causes.h"
#include "base/error.h"
#include "base/file.h"
#include "doctor/trial_jobs.h"
#include "doctor/witnesses.h"
#include "kernel/landlock.h"
#include "sandbox/identity.h"

// Made from attacks/*.py; see meson.build.
extern "C" {
extern const char _binary_attack_validator_start[];
extern const char _binary_attack_validator_end[];
extern const char _binary_attack_network_start[];
extern const char _binary_attack_network_end[];
extern const char _binary_attack_read_start[];
extern const char _binary_attack_read_end[];
extern const char _binary_attack_write_start[];
extern const char _binary_attack_write_end[];
extern const char _binary_attack_family_start[];
extern const char _binary_attack_family_end[];
extern const char _binary_attack_personality_start[];
extern const char _binary_attack_personality_end[];
extern const char _binary_attack_memory_start[];
extern const char _binary_attack_memory_end[];
extern const char _binary_attack_processes_start[];
extern const char _binary_attack_processes_end[];
extern const char _binary_attack_time_start[];
extern const char _binary_attack_time_end[];
extern const char _binary_attack_output_start[];
extern const char _binary_attack_output_end[];
extern const char _binary_attack_identity_start[];
extern const char _binary_attack_identity_end[];
extern const char _binary_attack_privileges_start[];
extern const char _binary_attack_privileges_end[];
extern const char _binary_attack_execute_start[];
extern const char _binary_attack_execute_end[];
}

namespace vitrine::doctor {

namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

std::string_view program(const char* start, const char* end) {
    return {start, static_cast<std::size_t>(end - start)};
}

std::int64_t milliseconds_since(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() -
                                                                 start)
        .count();
}

Trial try_jobs(const char* layer, const TestedHost& host, const TrialJob& attack,
               const TrialJob& control) {
    const auto start = std::chrono::steady_clock::now();
    Trial trial{.layer = layer,
                .attack = run_trial_job(attack, host),
                .control = run_trial_job(control, host),
                .absent = {}};
    trial.milliseconds = milliseconds_since(start);
    return trial;
}

/// A half that is no job.
Half judge(std::string title, bool is_right, const char* right, const char* wrong) {
    return {
        .title = std::move(title), .is_as_it_must_be = is_right, .seen = is_right ? right : wrong};
}

std::string to_hex(std::string_view bytes) {
    constexpr std::string_view kHex = "0123456789abcdef";
    std::string hex;
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        hex.push_back(kHex[byte >> 4U]);
        hex.push_back(kHex[byte & 15U]);
    }
    return hex;
}

bool can_open(const std::string& path) {
    return static_cast<bool>(UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC)));
}

/// True when a process fenced to `readable` can still open `path`.
bool opens_within_fence(const std::string& readable, const std::string& path) {
    return succeeds_in_child([&] {
        sandbox::forbid_new_privileges();
        return kernel::fence_filesystem({.readable = {readable}, .writable = {}, .devices = {}}) >
                   0 &&
               can_open(path);
    });
}

bool has_landlock() {
    return succeeds_in_child([] {
        sandbox::forbid_new_privileges();
        return kernel::fence_filesystem({.readable = {"/proc"}, .writable = {}, .devices = {}}) > 0;
    });
}

bool flag_shows_in_child() {
    return succeeds_in_child([] {
        constexpr std::size_t kMaxStatus = 65536;
        const auto is_set = [] {
            return read_file("/proc/self/status", kMaxStatus).find("NoNewPrivs:\t1") !=
                   std::string::npos;
        };
        const bool was_set = is_set();
        sandbox::forbid_new_privileges();
        // A caller may have it already, as in a container that forbids new privileges itself.
        return !was_set ? is_set() : true;
    });
}

}  // namespace

std::vector<Trial> try_validator(const TestedHost& host) {
    const auto code = program(_binary_attack_validator_start, _binary_attack_validator_end);
    return {try_jobs("validator", host,
                     {.title = "a program that loads native code, under the policy 'strategy'",
                      .program = code,
                      .arguments = {},
                      .prepare = [](Job& job) { job.policy = "strategy"; },
                      .is_right = ends_by(Status::kRejected)},
                     {.title = "the same program under the policy 'off'",
                      .program = code,
                      .arguments = {},
                      .is_right = says("worked")})};
}

std::vector<Trial> try_network(const TestedHost& host) {
    const auto code = program(_binary_attack_network_start, _binary_attack_network_end);
    const HostListener listener;
    const TrialJob own{.title = "to a port of its own",
                       .program = code,
                       .arguments = {"own"},
                       .is_right = says("worked")};
    const auto is_refused = [&](const Result& result) {
        return says("refused")(result) && listener.is_unvisited_and_alive();
    };
    return {try_jobs("network", host,
                     {.title = "connecting to a port of the host",
                      .program = code,
                      .arguments = {listener.port()},
                      .is_right = is_refused},
                     own),
            try_jobs("network", host,
                     {.title = "connecting to an abstract socket of the host",
                      .program = code,
                      .arguments = {"@" + listener.abstract_name()},
                      .is_right = is_refused},
                     own)};
}

std::vector<Trial> try_filesystem(const TestedHost& host) {
    const auto reader = program(_binary_attack_read_start, _binary_attack_read_end);
    const auto writer = program(_binary_attack_write_start, _binary_attack_write_end);
    const HostSecret secret;
    return {
        try_jobs("filesystem", host,
                 {.title = "reading a file of the host that anybody may read",
                  .program = reader,
                  .arguments = {secret.word(), secret.path(), "/proc/1/root" + secret.path(),
                                "/proc/self/root/../../.." + secret.path()},
                  .is_right = says("refused")},
                 {.title = "the same file, bound into the sandbox",
                  .program = reader,
                  .arguments = {secret.word(), "/secret"},
                  .prepare =
                      [&](Job& job) {
                          job.binds.push_back({.source = secret.path(), .destination = "/secret"});
                      },
                  .is_right = says("worked")}),
        try_jobs("filesystem", host,
                 {.title = "writing anywhere but in /tmp",
                  .program = writer,
                  .arguments = {"/planted", "/usr/planted", "/etc/planted", "/dev/planted",
                                "/proc/sys/kernel/core_pattern"},
                  .is_right = says("refused")},
                 {.title = "writing in /tmp",
                  .program = writer,
                  .arguments = {"/tmp/planted"},
                  .is_right = says("worked")})};
}

std::vector<Trial> try_seccomp(const TestedHost& host) {
    const auto family = program(_binary_attack_family_start, _binary_attack_family_end);
    const auto personality =
        program(_binary_attack_personality_start, _binary_attack_personality_end);
    return {try_jobs("seccomp", host,
                     {.title = "a socket of the family AF_NETLINK",
                      .program = family,
                      .arguments = {"AF_NETLINK"},
                      .is_right = says("refused")},
                     {.title = "one of AF_UNIX",
                      .program = family,
                      .arguments = {"AF_UNIX"},
                      .is_right = says("worked")}),
            try_jobs("seccomp", host,
                     {.title = "personality(ADDR_NO_RANDOMIZE)",
                      .program = personality,
                      .arguments = {"0x0040000"},
                      .is_right = says("refused")},
                     {.title = "personality(), only asking",
                      .program = personality,
                      .arguments = {"0xffffffff"},
                      .is_right = says("worked")})};
}

std::vector<Trial> try_limits(const TestedHost& host) {
    const auto memory = program(_binary_attack_memory_start, _binary_attack_memory_end);
    const auto processes = program(_binary_attack_processes_start, _binary_attack_processes_end);
    const auto time = program(_binary_attack_time_start, _binary_attack_time_end);
    const auto output = program(_binary_attack_output_start, _binary_attack_output_end);
    const auto is_held = [](const Result& result) {
        return says("refused")(result) || ends_by(Status::kMemory)(result);
    };
    const auto one_second = [](Job& job) { job.limits.timeout = std::chrono::seconds(1); };
    const auto kill_beyond = [](std::uint64_t bytes) {
        return [bytes](Job& job) {
            job.limits.max_output_bytes = bytes;
            job.limits.output_overflow = OutputOverflow::kKill;
        };
    };
    return {try_jobs("limits", host,
                     {.title = "200 MiB of memory where 96 MiB are allowed",
                      .program = memory,
                      .arguments = {},
                      .prepare = [](Job& job) { job.limits.memory_bytes = 96 * kMiB; },
                      .is_right = is_held},
                     {.title = "where 512 MiB are",
                      .program = memory,
                      .arguments = {},
                      .prepare = [](Job& job) { job.limits.memory_bytes = 512 * kMiB; },
                      .is_right = says("worked")}),
            try_jobs("limits", host,
                     {.title = "20 processes where 10 are allowed",
                      .program = processes,
                      .arguments = {},
                      .prepare = [](Job& job) { job.limits.pids = 10; },
                      .is_right = says("refused")},
                     {.title = "where 40 are",
                      .program = processes,
                      .arguments = {},
                      .prepare = [](Job& job) { job.limits.pids = 40; },
                      .is_right = says("worked")}),
            try_jobs("limits", host,
                     {.title = "running for a minute where a second is allowed",
                      .program = time,
                      .arguments = {"60"},
                      .prepare = one_second,
                      .is_right = ends_by(Status::kTimeout)},
                     {.title = "for a tenth of one",
                      .program = time,
                      .arguments = {"0.1"},
                      .prepare = one_second,
                      .is_right = says("worked")}),
            try_jobs("limits", host,
                     {.title = "2 MiB of output where 1 MiB is allowed",
                      .program = output,
                      .arguments = {"30"},
                      .prepare = kill_beyond(kMiB),
                      .is_right = ends_by(Status::kOutputLimit)},
                     {.title = "where 4 MiB are",
                      .program = output,
                      .arguments = {"0"},
                      .prepare = kill_beyond(4 * kMiB),
                      .is_right = says("worked")})};
}

std::vector<Trial> try_identity(const TestedHost& host) {
    const auto code = program(_binary_attack_identity_start, _binary_attack_identity_end);
    return {try_jobs("identity", host,
                     {.title = "becoming root",
                      .program = code,
                      .arguments = {"root"},
                      .is_right = says("refused")},
                     {.title = "becoming who it is",
                      .program = code,
                      .arguments = {"self"},
                      .is_right = says("worked")})};
}

std::vector<Trial> try_landlock(const TestedHost& /*host*/) {
    const HostSecret secret;
    Trial trial{.layer = "landlock", .attack = {}, .control = {}, .absent = {}};
    trial.attack.title = "opening a file outside of the fence";
    trial.control.title = "the same file inside";
    if (!has_landlock()) {
        trial.absent = advise(Cause::kNoLandlock).message;
        return {trial};
    }
    trial.attack =
        judge(trial.attack.title, !opens_within_fence("/proc", secret.path()), "refused", "opened");
    trial.control =
        judge(trial.control.title, opens_within_fence(secret.directory(), secret.path()), "opened",
              "refused");
    return {trial};
}

std::vector<Trial> try_no_new_privileges(const TestedHost& host) {
    const auto start = std::chrono::steady_clock::now();
    const auto code = program(_binary_attack_privileges_start, _binary_attack_privileges_end);
    Trial trial{.layer = "no_new_privs",
                .attack = run_trial_job({.title = "getting rid of the flag, or of it in a child",
                                         .program = code,
                                         .arguments = {},
                                         .is_right = says("refused")},
                                        host),
                .control = judge("the flag shows where it is set, outside a sandbox",
                                 flag_shows_in_child(), "it shows", "it does not show"),
                .absent = {}};
    trial.milliseconds = milliseconds_since(start);
    return {trial};
}

std::vector<Trial> try_exec_doors(const TestedHost& host) {
    const auto start = std::chrono::steady_clock::now();
    const auto code = program(_binary_attack_execute_start, _binary_attack_execute_end);
    const auto is_closed = [](const Result& result) {
        // A result of this host says that this door is open.
        const bool may_run_memory = is_degraded(result, "memfd_noexec");
        return result.value_json == "[]" || (may_run_memory && result.value_json == "[\"memory\"]");
    };
    Trial trial{
        .layer = "exec doors",
        .attack = run_trial_job({.title = "executing a file of /tmp, memory, its own program",
                                 .program = code,
                                 .arguments = {to_hex(tiny_program())},
                                 .is_right = is_closed},
                                host),
        .control =
            judge("the same program outside a sandbox", runs_outside(), "it ran", "it did not run"),
        .absent = {}};
    trial.milliseconds = milliseconds_since(start);
    return {trial};
}

}  // namespace vitrine::doctor
