// Starting the processes of a run, on the supervisor's side.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/fd.h"
#include "kernel/process.h"
#include "sandbox/identity.h"
#include "sandbox/spec.h"

namespace vitrine::runtime {

/// Our ends of what connects us to a sandbox.
struct SandboxPipes {
    UniqueFd stdin_end;  ///< Empty when the job's stdin holds nothing.
    UniqueFd stdout_end;
    UniqueFd stderr_end;
    UniqueFd report_end;
    /// Init ends when it closes. A sandbox that keeps artifacts sends its /tmp along it.
    UniqueFd lifeline;
};

/// What the two processes tell each other around the zygote's exec.
struct Handshake {
    /// The zygote waits here for two bytes: its ids are mapped; the guest program is complete.
    Pipe go = make_pipe();
    Pipe failure = make_pipe();  ///< Closed by a successful exec: it reads end of file.
};

/// Both ends of what connects a job to us.
struct JobPipes {
    SandboxPipes ours;
    UniqueFd stdin_end;  ///< From here on: the sandbox's.
    UniqueFd stdout_end;
    UniqueFd stderr_end;
    UniqueFd report_end;
    UniqueFd lifeline;
};
JobPipes make_job_pipes();

/// Where the kernel puts what the zygote runs.
enum class Addresses : std::uint8_t {
    kRandom,
    kForSnapshot,  ///< See kernel::ask_for_image_layout().
};

/// A zygote, and our ends of the pipes to its job. Destroying it ends the run: the zygote is killed
/// and the lifeline closed, which ends init and with it the sandbox.
class Launching {
  public:
    /// Clones the zygote (into the cgroup `cgroup_fd`, or nowhere with -1) and maps its ids. It
    /// goes on to run the guest program while the caller works out what to tell it. Throws Error.
    Launching(const sandbox::IdMap& map, int cgroup_fd, Addresses addresses = Addresses::kRandom);
    /// Waits for the guest program to run, and sends it what it prepares the sandbox from. Throws
    /// Error.
    void launch(const sandbox::SandboxSpec& sandbox, const std::vector<UniqueFd>& trees,
                bool has_stdin_source);
    /// Waits for the guest program to run, and sends it its first message. Throws Error.
    void introduce(std::string_view what, std::span<const int> fds);
    /// Lets the payload enter its sandbox, and tells it what to run there. `gate_fd`, or -1, is
    /// where it waits until its filter's listener was taken, and where a held program is. Throws
    /// Error.
    void hand_over(const sandbox::PayloadSpec& payload, int gate_fd);
    ~Launching();
    Launching(const Launching&) = delete;
    Launching& operator=(const Launching&) = delete;

    /// Kills the zygote if it still lives, and reaps it. Again does nothing.
    void end_zygote();

    int zygote_pidfd() const noexcept { return zygote_.pidfd.get(); }
    pid_t zygote_pid() const noexcept { return zygote_.pid; }

    UniqueFd control;
    SandboxPipes pipes;  ///< Once launched.

  private:
    UniqueFd image_;
    Handshake handshake_;
    kernel::Cloned zygote_;
    bool is_reaped_ = false;
};

}  // namespace vitrine::runtime
