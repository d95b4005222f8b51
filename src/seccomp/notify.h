// A filter whose decisions are handed to a listener instead of being carried out, so that somebody
// can tell of them.
#pragma once

#include "seccomp/program.h"

namespace vitrine::seccomp {

/// Which decisions.
enum class Notify {
    kDenied,  ///< Refusals with an errno. Nothing that is let through takes any longer.
    kAll,     ///< Those, and every call that is let through.
};

/// `program`, unchanged but for the values it returns where it decides so: there it returns
/// SECCOMP_RET_USER_NOTIF. What the answer must be, `program` itself says of the call (run_filter).
/// Throws Error on a program that computes what it returns.
Program notifying(Program program, Notify what);

}  // namespace vitrine::seccomp
