// The supervisor's process, as the program that uses it sees it.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/fd.h"

namespace vitrine::library {

/// Starts a supervisor, which is no child of this process for long: what is spawned forks and ends
/// at once, so that neither wait(2) nor SIGCHLD has anything to do with it afterwards. It has no
/// descriptor of this process but its socket, a session of its own and no signal ignored or
/// blocked.
class SupervisorProcess {
  public:
    /// Throws SystemError when `program` cannot be executed.
    explicit SupervisorProcess(const std::string& program);
    /// Kills what was not seen to end.
    ~SupervisorProcess();
    SupervisorProcess(const SupervisorProcess&) = delete;
    SupervisorProcess& operator=(const SupervisorProcess&) = delete;

    /// Our end of the conversation, non-blocking. At end of file the supervisor has ended.
    int socket_fd() const noexcept { return socket_.get(); }

    /// It has said who it is.
    void introduce(pid_t pid);
    /// At once; end of file follows.
    void kill() noexcept;
    /// End of file was read: there is nothing to kill.
    void set_ended() noexcept { has_ended_ = true; }

  private:
    void reap_starter() noexcept;

    UniqueFd socket_;
    UniqueFd starter_;     ///< pidfd of what was spawned.
    UniqueFd supervisor_;  ///< pidfd; empty until it is introduced.
    pid_t pid_ = -1;
    bool has_ended_ = false;
};

}  // namespace vitrine::library
