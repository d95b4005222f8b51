// The children of this process: those that a run waits for, and strangers, which are reaped.
//
// A job can make children of ours (CLONE_PARENT) and threads that we trace (PTRACE_TRACEME), and a
// zygote can die between forking a payload and announcing it. Nobody else can reap them, and until
// then neither payload nor init is done.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <set>

#include "runtime/event_loop.h"

namespace vitrine::runtime {

class Children {
  public:
    explicit Children(EventLoop& loop);

    /// Somebody will wait for the child `pid`.
    void add(pid_t pid) { known_.insert(pid); }
    /// It was waited for.
    void remove(pid_t pid) { known_.erase(pid); }

    /// While there are cold launches, a child may be a payload that was not announced yet and has
    /// run its program: nobody is a stranger. A warm one runs nothing before it is announced.
    void launch_begins() { ++launches_; }
    void launch_ends() { --launches_; }

    /// Reaps strangers, now or as soon as that can be done.
    void reap_strangers();

  private:
    std::set<pid_t> known_;
    std::size_t launches_ = 0;
    Alarm again_;
};

}  // namespace vitrine::runtime
