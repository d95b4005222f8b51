// Signals that end what runs, as something to poll.
#pragma once

#include <signal.h>

#include <vector>

#include "base/fd.h"

namespace vitrine::runtime {

/// While it lives, SIGINT, SIGTERM, SIGHUP and SIGQUIT wait here instead of ending the process, but
/// for those the caller ignores (nohup). The mask is restored at its end.
bool is_end_signal(int signal);

class EndSignals {
  public:
    /// `also` are further signals to hear of.
    explicit EndSignals(const std::vector<int>& also = {});
    ~EndSignals();
    EndSignals(const EndSignals&) = delete;
    EndSignals& operator=(const EndSignals&) = delete;

    /// The next one that has come, or 0. Does not wait.
    int take() const;
    int fd() const noexcept { return fd_.get(); }

  private:
    sigset_t before_{};
    UniqueFd fd_;
};

}  // namespace vitrine::runtime
