// The launch sequence: what each process of a sandbox does between clone3 and untrusted code.
#pragma once

#include "base/fd.h"
#include "sandbox/guest.h"

namespace vitrine::sandbox {

/// The descriptor at which a zygote finds its control socket.
inline constexpr int kControlFd = 3;

/// Descriptors of the one message a zygote receives, in this order; detached mount trees follow.
struct LaunchFds {
    UniqueFd sandbox_spec;  ///< Sealed memfd.
    UniqueFd stdin_end;
    UniqueFd stdout_end;
    UniqueFd stderr_end;
    UniqueFd report_end;
    UniqueFd lifeline;  ///< Reads end of file once the supervisor is gone.
};
inline constexpr std::size_t kLaunchFdCount = 6;

/// The whole life of a cold zygote: receives the sandbox's spec from `control`, starts init and one
/// payload, prepares their files while they start, and returns. The payload takes its own spec, a
/// sealed memfd, from the next message on `control`. Where the first message asks for a nest, it
/// becomes one instead: see nest.h. The caller ends the process.
void run_zygote(UniqueFd control, Guest& guest);

}  // namespace vitrine::sandbox
