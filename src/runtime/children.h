// The children of this process: those that a run waits for, and strangers, which are reaped.
//
// A job can make children of ours (CLONE_PARENT) and threads that we trace (PTRACE_TRACEME), and a
// zygote can die between forking a payload and announcing it. Nobody else can reap them, and until
// then neither payload nor init is done.
#pragma once

#include <sys/types.h>

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

    /// Reaps strangers, now or as soon as that can be done. A payload that ended before it was
    /// announced may be among them: it has run no program, and said itself what kept it.
    void reap_strangers();

  private:
    std::set<pid_t> known_;
    Alarm again_;
};

}  // namespace vitrine::runtime
