// The supervisor's side: an engine that takes its jobs from a socket.
#pragma once

#include <sys/types.h>

#include "base/error.h"
#include "base/fd.h"

namespace vitrine::library {

/// A pidfd of the program that started this process; empty when that is gone already.
UniqueFd open_parent(pid_t pid);

/// Serves the program at the other end of the socket until it hangs up or the process behind
/// `host_pidfd` ends, whichever comes first, or a signal asks for the end. Jobs that run then are
/// ended. The calling process must be single-threaded and have no children. Throws Error when it
/// cannot tell the program what is wrong.
void serve(UniqueFd socket, UniqueFd host_pidfd);

/// Tells the program at the other end why there will be no results.
void refuse(int socket_fd, const Error& error);

}  // namespace vitrine::library
