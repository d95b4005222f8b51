// What a job leaves behind, as data. Published as JSON by docs/result.schema.json.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace vitrine {

/// How a job ended. Decided by the supervisor from what the kernel tells, never by the job.
enum class Status {
    kExited,
    kSignaled,
    kTimeout,
    kCpuTimeout,
    kMemory,
    kOutputLimit,
    kRejected,
    kSetupError,
};

/// The limit that ended a job, with values in the limit's own unit (ns, bytes, processes).
struct LimitHit {
    std::string name;  ///< The flag without dashes: `timeout`, `memory`, `max-output`…
    std::uint64_t value = 0;
    std::uint64_t observed = 0;
};

/// One captured stream.
struct Output {
    std::string bytes;  ///< What was kept: head and tail joined by a line saying what is left out.
    std::uint64_t bytes_total = 0;
    std::uint64_t bytes_kept = 0;
    bool truncated = false;
};

/// An uncaught exception: the job's claim.
struct ExceptionClaim {
    std::string type;
    std::string message;
    std::string file;
    std::uint32_t line = 0;
};

enum class Severity { kError, kWarning };

/// What layer 1 has to say about one place in the source.
struct Finding {
    std::string id;            ///< Stable: `VT101`.
    std::string rule;          ///< As stable, and readable: `import-not-allowed`.
    std::string message;       ///< One sentence for the author of the program.
    std::string hint;          ///< What to do instead; may be empty.
    std::uint32_t line = 0;    ///< 1-based; 0 when the finding is about the whole source.
    std::uint32_t column = 0;  ///< 1-based, in characters; 0 when there is none.
    Severity severity = Severity::kError;
};

/// What the job used. A value the host cannot tell is empty.
struct Usage {
    double wall_ms = 0;
    double cpu_user_ms = 0;
    double cpu_sys_ms = 0;
    std::optional<std::uint64_t> memory_peak_bytes;
    std::string memory_source;  ///< `memory.peak`, `sampled` or `maxrss`.
    std::optional<std::uint64_t> pids_peak;
    std::optional<std::uint64_t> pids_limit_hits;  ///< Forks and threads that the limit refused.
    std::optional<std::uint64_t> oom_kills;
    std::optional<double> throttled_ms;
};

/// What stood between the job and the host.
struct Isolation {
    std::vector<std::string> namespaces;
    std::string seccomp_profile;
    std::string seccomp_sha256;  ///< Of the profile's bytes.
    std::string seccomp_action;  ///< What a denied call gets: `errno 1 (EPERM)`.
    int landlock_abi = 0;        ///< 0: not applied.
    bool no_new_privs = false;
    std::uint32_t uid = 0;       ///< Inside.
    std::uint32_t host_uid = 0;  ///< What the kernel knows the job as outside.
    std::vector<std::string> capabilities;
    std::string limits_backend;  ///< `cgroup2` or `rlimit`.
    std::vector<std::string> degraded;
};

/// Where the time went, in microseconds. 0 for a step that was not reached.
struct Timings {
    std::int64_t prepare = 0;   ///< From the launch to a sandbox and an interpreter, both ready.
    std::int64_t fork = 0;      ///< Making the payload process; not counted in `prepare`.
    std::int64_t enter = 0;     ///< Joining the sandbox and dropping every privilege.
    std::int64_t seccomp = 0;   ///< Installing the filter.
    std::int64_t validate = 0;  ///< Parsing and walking the source.
    std::int64_t held = 0;      ///< At its gate, until a tracer had attached; 0 for most.
    std::int64_t run = 0;       ///< The program itself.
    std::int64_t teardown = 0;  ///< From the program's end until nothing of it was left.
    std::int64_t total = 0;     ///< From the launch to the result.
};

/// Why Vitrine could not set a run up.
struct SetupError {
    std::string step;
    std::string syscall;
    int error_number = 0;  ///< 0 when no system call failed.
    std::string message;
    std::string hint;
    std::uint64_t line = 0;  ///< Of a batch's input, 1-based; 0 where there is none.
    std::string cause;  ///< Its row of docs/troubleshooting.md (`proc-masked`); empty when unknown.
};

/// A file the job left in /tmp/out, as it was collected.
struct Artifact {
    std::string path;  ///< Below the directory of artifacts.
    std::uint64_t bytes = 0;
    std::string sha256;
};

/// Something in /tmp/out that was not collected.
struct RefusedArtifact {
    std::string path;  ///< As the job named it; control characters escaped.
    std::string reason;
};

/// A system call that the filter denied, told of where Job::explains_denied asked for it.
struct DeniedCall {
    std::string name;  ///< `others`, last: kinds of calls beyond the 64 that are told apart.
    std::int64_t number = -1;
    std::string architecture;  ///< `x86_64`; empty for `others`.
    int error_number = 0;      ///< What the program got.
    std::uint64_t count = 0;
    std::vector<std::uint64_t> arguments;  ///< All six, of the first such call.
    std::string rule;                      ///< Of which profile, and which of its rules.
    std::string allowed_by;                ///< What would let it through.
};

/// The whole answer. Exactly one per job.
struct Result {
    std::string id;
    Status status = Status::kSetupError;
    std::optional<int> exit_code;
    std::optional<int> signal;
    std::optional<LimitHit> limit;
    Output out;
    Output err;
    /// The job's claim as JSON text, checked to be one bounded JSON value; empty when there is
    /// none.
    std::string value_json;
    std::vector<std::string> value_notes;
    std::optional<ExceptionClaim> exception;
    std::vector<Finding> findings;
    std::vector<DeniedCall> denied;
    Usage usage;
    Isolation isolation;
    Timings timings;
    std::vector<Artifact> artifacts;
    std::vector<RefusedArtifact> artifacts_refused;
    std::string python;
    bool warm = false;
    /// It went on from the rootfs's snapshot: see Job::uses_snapshot.
    bool snapshot = false;
    std::optional<SetupError> error;
};

}  // namespace vitrine
