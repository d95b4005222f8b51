// A job: one program, what it gets, and what it may use.
//
// A Job is complete and immutable once built: every default is resolved, every unit parsed, every
// path opened or refused. Plain data; copy it freely, share it between threads read-only.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace vitrine {

/// What happens to output beyond Limits::max_output.
enum class OutputOverflow {
    kTruncate,  ///< It is drained and dropped; head and tail are kept.
    kKill,      ///< The job ends with status `output_limit`.
};

/// One `--ulimit`: a setrlimit(2) resource by number with its two values (RLIM_INFINITY allowed).
struct Ulimit {
    int resource = 0;
    std::uint64_t soft = 0;
    std::uint64_t hard = 0;
};

/// Which part of an output stream beyond Limits::max_output_bytes is kept.
enum class OutputKeep { kHead, kTail, kBoth };

/// How fast a job may use one block device: a line of the cgroup's io.max.
struct DeviceLimit {
    std::uint32_t major = 0;
    std::uint32_t minor = 0;
    std::string kind;  ///< `rbps`, `wbps` (bytes), `riops` or `wiops` (operations).
    std::uint64_t per_second = 0;
};

/// What a job may use. The defaults are those of the system Vitrine replaces and of its peers.
struct Limits {
    /// Bytes of memory for all processes of the job together.
    std::uint64_t memory_bytes = std::uint64_t{2} << 30;
    /// Bytes of swap on top of `memory_bytes`.
    std::uint64_t swap_bytes = 0;
    /// CPUs' worth of time: 0.5 is half of one CPU.
    double cpus = 1.0;
    /// Processes and threads at one time, the program itself included.
    std::uint64_t pids = 64;
    /// Wall-clock time from the moment the program may start.
    std::chrono::nanoseconds timeout = std::chrono::seconds(600);
    /// CPU time, user and system together; none when empty.
    std::optional<std::chrono::nanoseconds> cpu_time;
    /// Bytes kept of each of stdout and stderr.
    std::uint64_t max_output_bytes = std::uint64_t{1} << 20;
    OutputOverflow output_overflow = OutputOverflow::kTruncate;
    OutputKeep output_keep = OutputKeep::kBoth;
    /// Bytes the job may put in `/tmp`.
    std::uint64_t tmpfs_bytes = std::uint64_t{64} << 20;
    /// Inodes in `/tmp`.
    std::uint64_t tmpfs_inodes = 16384;
    /// `--ulimit` settings, one per resource. `nofile` is 256 unless set here.
    std::vector<Ulimit> ulimits;
    /// Held by a cgroup or not at all: without one such a job is refused.
    std::vector<DeviceLimit> devices;
};

/// Where the program comes from.
struct Source {
    /// What tracebacks and findings call it: the script's file name, `<stdin>` or `<string>`.
    std::string name;
    /// The bytes, read once. What is validated is what is compiled.
    std::string bytes;
};

/// A host file or directory shown to the job.
struct Bind {
    std::string source;        ///< Absolute host path.
    std::string destination;   ///< Absolute path in the sandbox.
    bool is_writable = false;  ///< What the job writes there stays on the host.
};

/// A function of the script to call, and with what.
struct EntryPoint {
    std::string function;
    /// JSON: an array holds positional arguments, an object keyword arguments.
    std::string arguments_json = "[]";
};

/// Everything one run needs.
struct Job {
    std::string id;
    Source source;
    std::vector<std::string> arguments;  ///< sys.argv after the script's name.
    /// Not empty: a command of the rootfs and its arguments, run in place of a Python program.
    /// Source, arguments, entry and policy do not count then.
    std::vector<std::string> command;
    /// A pseudo-terminal is the job's stdin, stdout and stderr, and controls its session. What it
    /// writes there is the result's stdout.
    bool has_terminal = false;
    /// A cold run goes on from the rootfs's snapshot of a started interpreter, where there is one
    /// that fits. Runs that do share their hash seed and the addresses of their libraries.
    bool uses_snapshot = true;
    std::optional<EntryPoint> entry;
    Limits limits;
    /// The complete environment, in order; later entries win.
    std::vector<std::pair<std::string, std::string>> environment;
    std::string workdir = "/tmp";
    std::string hostname = "vitrine";
    std::uint32_t uid = 1000;  ///< As the job sees it; never 0.
    std::uint32_t gid = 1000;
    std::string rootfs;  ///< Absolute host path.
    std::vector<Bind> binds;
    /// Host directory for what the job leaves in /tmp/out; empty when nothing is collected.
    std::string artifacts;
    /// Seccomp profiles, intersected: built-in names and paths, joined by `+`.
    std::string seccomp_profile = "docker-default+hardened";
    /// Whether the sub-architectures that the profile names may be called, too (x86 and x32 on
    /// x86-64). A call of an architecture that may not be ends the process.
    bool compat_arch = false;
    /// Whether calls that the filter denies are told of, in Result::denied.
    bool explains_denied = false;
    std::string policy = "strategy";  ///< A built-in name, a path, or `off`.
    /// File whose bytes the job reads on stdin: a path, `-` for ours, empty for none.
    std::string stdin_path;
    /// What the job reads on stdin, itself; then `stdin_path` does not count.
    std::optional<std::string> stdin_text;
    /// Layers that must not degrade: `cgroup`, `landlock`, `groups`, `memfd_noexec`.
    std::vector<std::string> required;
};

}  // namespace vitrine
