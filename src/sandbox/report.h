// What the processes of a sandbox tell the supervisor, before untrusted code has a say.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernel/process_image.h"
#include "sandbox/steps.h"

namespace vitrine::sandbox {

/// Frames the payload writes on the result pipe. Kinds from 16 on belong to the guest.
enum class ReportKind : std::uint32_t { kFailure = 1, kConfined = 2, kListening = 3 };

/// The next thing the payload does is install its filter, with a listener at this descriptor. It
/// says so before: under the filter even saying so may have to wait for whoever holds the listener.
struct Listening {
    std::int32_t listener_fd = -1;
};

/// The payload is confined: everything below is final, only untrusted code follows.
struct Confined {
    std::int64_t born_ns = 0;     ///< CLOCK_MONOTONIC, as all times here.
    std::int64_t ready_ns = 0;    ///< Sandbox and interpreter were both ready.
    std::int64_t entered_ns = 0;  ///< Joined, and every privilege dropped.
    std::int64_t filtered_ns = 0;
    bool has_no_groups = false;
    bool has_no_executable_memfds = false;
    std::int32_t landlock_abi = 0;
    /// Whether it went on from a snapshot, and why not.
    kernel::Misfit snapshot = kernel::Misfit::kAbsent;
};

/// The zygote's last message on the control socket, with the payload's pidfd.
struct Launched {
    std::int64_t forking_ns = 0;   ///< The payload's fork began.
    std::int32_t payload_pid = 0;  ///< In the supervisor's pid namespace.
};

/// First byte of a message on the control socket.
enum class ControlKind : std::uint8_t {
    kFailure = 1,  ///< A Failure follows.
    kInitBorn =
        2,  ///< Init's pidfd comes with it; the payload waits for an answer before it enters.
    kLaunched = 3,  ///< A Launched follows, and the payload's pidfd comes with it.
};

std::vector<std::byte> encode(const Failure& failure);
std::vector<std::byte> encode(const Confined& confined);
std::vector<std::byte> encode(const Launched& launched);
std::vector<std::byte> encode(const Listening& listening);
/// All throw Error on bytes that do not fit.
Failure decode_failure(std::span<const std::byte> bytes);
Confined decode_confined(std::span<const std::byte> bytes);
Launched decode_launched(std::span<const std::byte> bytes);
Listening decode_listening(std::span<const std::byte> bytes);

std::int64_t monotonic_ns();

}  // namespace vitrine::sandbox
