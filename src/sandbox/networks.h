// Network namespaces that are handed on, from a sandbox that is gone to the next.
//
// Making one takes the kernel half a millisecond, under a lock of its own, and taking it apart as
// much again. What a job without capabilities can change in one are its sockets, and what those
// leave behind: counters, connections that are being forgotten, flow labels, cached routes. All of
// it can be read, and only a namespace where it reads as in a new one is handed on.
#pragma once

#include <string>

#include "base/fd.h"

namespace vitrine::sandbox {

/// Of one nursery, which is in a namespace of its own in between. They belong to its user
/// namespace: in a sandbox nobody has a capability over them.
class Networks {
  public:
    /// Throws Error.
    Networks();

    /// Enters `used` if it is one, and clean; otherwise one made now, and returns that. Nobody may
    /// be in `used` any more. Throws Error.
    UniqueFd enter(const UniqueFd& used);
    /// Back to the nursery's own. Throws Error.
    void leave() const;

  private:
    void make_silent();
    bool is_clean() const;
    std::string read_file(const char* name) const;
    std::string read_state() const;

    UniqueFd home_;
    UniqueFd files_;     ///< /proc/self/net: always of the namespace we are in.
    std::string clean_;  ///< What a new one looks like.
    bool can_hand_on_ = true;
};

}  // namespace vitrine::sandbox
