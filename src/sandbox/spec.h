// What the supervisor tells the processes of a sandbox, as plain data that crosses a memfd.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/wire.h"
#include "vitrine/job.h"

namespace vitrine::sandbox {

/// One host file or directory shown in the sandbox. The mount is attached by the zygote: from a
/// detached tree the supervisor opened (it may be able to reach what the zygote's id cannot), or,
/// where the supervisor has no privilege over its mount namespace, from the path itself.
struct TreeSource {
    std::string path;
    bool is_directory = true;
    /// Index among the descriptors sent along, or -1 to open `path`.
    std::int32_t fd_index = -1;
    std::string destination;   ///< Absolute path in the sandbox; `/` for the rootfs.
    bool is_writable = false;  ///< Never the rootfs.
};

/// A file made for the job, shown in place of one that the rootfs has.
struct MadeFile {
    std::string path;  ///< Absolute, in the sandbox.
    std::string content;
};

/// What fixes a sandbox before any job is known. Everything here may be shared by many runs.
struct SandboxSpec {
    std::uint32_t uid = 0;  ///< Inside the sandbox.
    std::uint32_t gid = 0;
    std::string hostname;
    std::uint64_t tmpfs_bytes = 0;
    std::uint64_t tmpfs_inodes = 0;
    /// /tmp has a directory `out` in it, and the supervisor is given /tmp to collect from.
    bool keeps_artifacts = false;
    /// Files of the rootfs with an x bit may be executed; nothing else ever is.
    bool may_execute = false;
    /// There is a pseudo-terminal in /dev/pts, the job's own. The supervisor is given its master.
    bool has_terminal = false;
    TreeSource rootfs;
    /// The rootfs's top-level entries, by name, in the order they are mounted.
    struct RootEntry {
        std::string name;
        enum class Kind : std::uint8_t { kDirectory, kFile, kSymlink } kind = Kind::kDirectory;
        std::string target;  ///< Of a symlink.
    };
    std::vector<RootEntry> root_entries;
    std::vector<TreeSource> binds;
    std::vector<MadeFile> made_files;
    /// Layers without which the payload refuses to run.
    struct Required {
        bool landlock = false;
        bool no_groups = false;
        bool no_executable_memfds = false;
    } required;
    /// What the guest starts from, in its own encoding; opaque to the sandbox.
    std::string interpreter;
    /// The rootfs's snapshot of an interpreter that has started: see kernel/process_image.h.
    enum class Snapshot : std::uint8_t {
        kNone,
        kGoOn,  ///< Payloads go on from it, where it fits.
        kMake,  ///< The payload becomes it, and runs nothing.
    } snapshot = Snapshot::kNone;
    std::string snapshot_file;  ///< What to go on from: a path below the rootfs.
};

/// What one payload applies to itself before untrusted code.
struct PayloadSpec {
    std::vector<std::pair<std::string, std::string>> environment;
    std::vector<Ulimit> rlimits;
    std::string workdir;
    std::vector<std::vector<sock_filter>> filters;  ///< Seccomp, in the order of installing.
    /// The last filter hands calls to a listener, which the supervisor takes.
    bool is_listened_to = false;
    bool is_held = false;  ///< At its gate; of a cold payload. A warm one's program says so.
    /// In the guest's own encoding, opaque to the sandbox. A warm payload's comes later.
    std::string program;
};

/// What a parked payload still lacks.
struct WarmProgram {
    std::vector<std::pair<std::string, std::string>> environment;
    std::string program;  ///< In the guest's own encoding.
    /// The way it came is its gate: see Guest::run.
    bool is_held = false;
};

/// In front of an encoded WarmProgram: how long that is.
using WarmProgramSize = std::uint64_t;

/// No encoded spec is larger: the program's source is in it, of which the command line takes 64
/// MiB, its arguments and its environment.
inline constexpr std::size_t kMaxSpecBytes = std::size_t{96} << 20;

std::vector<std::byte> encode(const SandboxSpec& spec);
std::vector<std::byte> encode(const PayloadSpec& spec);
std::vector<std::byte> encode(const WarmProgram& program);
/// All throw Error on bytes that do not fit.
SandboxSpec decode_sandbox_spec(std::span<const std::byte> bytes);
PayloadSpec decode_payload_spec(std::span<const std::byte> bytes);
WarmProgram decode_warm_program(std::span<const std::byte> bytes);

}  // namespace vitrine::sandbox
