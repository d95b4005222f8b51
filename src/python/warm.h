// A warm heap: what an interpreter holds before it is forked, and what must be renewed in a fork.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "python/guard.h"
#include "python/interpreter.h"
#include "python/policy.h"

namespace vitrine::python {

/// What is imported and run before any program comes. Trusted.
struct Preload {
    std::vector<std::string> modules;
    /// Source of a script that runs as the module `preload`, where programs find what it made.
    /// Empty for none.
    std::string script;
    /// Of every program to come, but where those bring their own: then of most.
    Policy policy;
    bool programs_bring_policies = false;
};

std::string encode(const Preload& preload);
/// Throws Error on bytes that do not fit.
Preload decode_preload(std::string_view bytes);

/// One interpreter, warmed up. Borrows it.
class WarmHeap {
  public:
    /// Imports, runs the script, and leaves a heap that no collection looks at. Libraries that
    /// count CPUs are told of one, so that none starts threads. What the policy's programs may not
    /// do, the libraries do no more either. Throws Error that names what could not be preloaded.
    WarmHeap(Interpreter& interpreter, Preload preload);

    /// For a program, in a fork or whatever else goes on from here. Null where the policy checks
    /// nothing, or the program brings another.
    Guard* guard_for(const Policy& brought) const {
        const bool fits = !preload_.programs_bring_policies || brought == preload_.policy;
        return fits ? guard_.get() : nullptr;
    }

    /// In a fork, before anything else of Python: CPython's own renewal (PyOS_AfterFork_Child),
    /// then random states that every fork would share: of `random`, `tempfile`, `multiprocessing`
    /// and numpy's global generator. Where nobody waits for it, what a program touches first is
    /// then touched, so that it is copied from the zygote's memory now. Throws Error.
    void come_of_age(bool is_awaited) const;

  private:
    const Interpreter& interpreter_;
    Preload preload_;
    Ref renew_;
    std::unique_ptr<Guard> guard_;
};

}  // namespace vitrine::python
