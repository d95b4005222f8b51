// What runs in a sandbox, as the launch sequence sees it. The sandbox knows nothing of Python.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vitrine::sandbox {

/// What becomes of an interpreter that is started.
enum class StartedFor : std::uint8_t {
    kOneProgram,
    kForks,     ///< Payloads are forked of it, each for a program.
    kSnapshot,  ///< Its memory is kept, and payloads go on from that, each for a program.
};

class Guest {
  public:
    virtual ~Guest() = default;

    /// With the rootfs as root, not confined yet: loads and starts the interpreter that
    /// SandboxSpec::interpreter describes. Where it is for more than one program, work that each
    /// would do for itself is done now. Throws Error.
    virtual void start(std::string_view interpreter, StartedFor what) = 0;

    /// With the rootfs as root: what a snapshot of that interpreter is recognised by. It is another
    /// text once files changed that an interpreter starts from.
    virtual std::string describe(std::string_view interpreter) const = 0;

    /// In a warm zygote or for a snapshot, after start(): does what `preload` says, so that every
    /// payload finds it done. Trusted; throws Error.
    virtual void warm_up(std::string_view preload) = 0;

    /// In a payload of a warm zygote or a snapshot, first thing: a fork of it that nobody
    /// announced. What must not be the same in two payloads, as random states, becomes its own.
    /// Where nobody waits for it yet, it may spend time now that its program then saves.
    virtual void come_of_age(bool is_awaited) = 0;

    /// In the payload: replaces the whole environment.
    virtual void set_environment(
        const std::vector<std::pair<std::string, std::string>>& environment) = 0;

    /// In the payload, under the filter: runs the program and returns its exit code. Claims go to
    /// `report_fd` as frames. With a `gate_fd` (else -1) the program is held before its first line
    /// until something comes there; it is closed before that. Never throws: untrusted code has run
    /// by then.
    virtual int run(std::string_view program, int report_fd, int gate_fd) noexcept = 0;
};

}  // namespace vitrine::sandbox
