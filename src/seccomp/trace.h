// From the system calls that trusted programs were seen to make to the smallest profile that lets
// them be made again.
#pragma once

#include <linux/seccomp.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "seccomp/fate.h"
#include "seccomp/sources.h"

namespace vitrine::seccomp {

/// A call that the filter around a traced program refused.
struct RefusedCall {
    std::string name;
    std::uint32_t outcome = 0;  ///< SECCOMP_RET_ERRNO and the errno.
};

class CallTrace {
  public:
    /// Where `conditions`, Docker's default, lets a call through under conditions, so does the
    /// profile: under those of them that are needed. Throws UsageError: a broken profile.
    CallTrace(const ProfilePart& conditions, const HostFacts& host);

    /// A call, and what the filter in force said of it. What other architectures call is not
    /// taken: it can only end the process. Does not keep more of a call than tells its kinds apart.
    void note(const seccomp_data& call, std::uint32_t outcome);
    /// A call that is needed, whether it was seen or not.
    void need(const std::string& name);

    /// A profile in Docker's form: what was seen and let through, and whatever `base` lets through
    /// besides (a profile; empty for nothing). A call that was refused only gets the errno that it
    /// got. Throws Error where `base` refuses by name what has to be let through.
    std::string profile(const std::string& base) const;

    /// By name.
    std::vector<std::string> let_through() const;
    std::vector<RefusedCall> refused() const;

  private:
    /// One bit for each condition of Docker's that held; none where there are none, or none held.
    using Held = std::uint64_t;
    struct Seen {
        NamedCall call;
        std::vector<Alternative> ways;  ///< Docker's, by which it is let through.
        std::map<Held, Arguments> let_through;
        std::map<std::uint32_t, Arguments> refused;  ///< By outcome.
    };

    Seen& seen(std::uint32_t number);
    /// Those of the call's ways that it takes to let through what was; empty for "always".
    static std::vector<Alternative> ways_needed(const Seen& seen, const std::vector<Held>& missing);

    HostFacts host_;
    Study docker_;
    std::map<std::uint32_t, Seen> calls_;
};

}  // namespace vitrine::seccomp
