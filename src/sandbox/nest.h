// A nest: what warm runs come from. A warm zygote and its twins, which fork payloads, and their
// nursery, which clones inits.
//
// Theory of operation. As in a cold launch (launch.cc) the zygote is root of a user namespace U1
// that is worth nothing on the host, with the base as its mounts. It lives on:
//
//   zygote    starts the interpreter in the base, warms it up, and then forks payloads, each into
//             the pid namespace of an init that the supervisor names.
//   twin      cloned from the warm zygote, whose heap it shares, before any payload; forks payloads
//             as well, since one process keeps one core busy with that.
//   nursery   forked from the zygote before it is warm, so that it has no heap to copy; clones
//             inits.
//
// Each serves one request after the other, from the supervisor alone; nothing that a job can write
// to ever reaches them. Inits and payloads are the supervisor's children, as all are themselves.
// They hold nothing of any job: a job's pipes pass through and are closed, its program never comes
// here.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/fd.h"
#include "sandbox/guest.h"
#include "sandbox/steps.h"

namespace vitrine::sandbox {

/// What the first message on a zygote's control socket says when it is to be a nest's.
inline constexpr std::string_view kNestRequest = "nest";

/// Descriptors of that message, in this order; detached mount trees follow.
struct NestFds {
    UniqueFd sandbox_spec;  ///< Sealed memfd.
    UniqueFd preload;       ///< Sealed memfd, in the guest's encoding.
    UniqueFd nursery;       ///< The nursery's socket.
};
inline constexpr std::size_t kNestFdCount = 3;

/// Asks the nursery for an init. With it come the end at which init reports, the sandbox's end of
/// its lifeline, and perhaps the network namespace of a sandbox that is gone.
struct InitRequest {
    std::uint64_t sandbox = 0;  ///< The supervisor's name for it, repeated in every answer.
    /// Init waits for a message on its lifeline before it does anything, so that the supervisor
    /// can put it where it belongs.
    bool waits = false;
    /// Its network namespace comes from the nursery, so that it can be handed on; else init makes
    /// one that ends with it.
    bool shares_networks = false;
};

/// What a zygote can be asked for.
enum class Birth : std::uint8_t {
    /// With init's pidfd, the end at which init reports, stdin, stdout, stderr, the result pipe,
    /// the program's pipe, and the payload's spec, in this order.
    kPayload = 1,
    /// With the twin's control socket. Not after a payload: it would be born in that one's pid
    /// namespace.
    kTwin = 2,
};

/// Asks a zygote. What follows `birth` is a payload's alone.
struct ZygoteRequest {
    Birth birth = Birth::kPayload;
    std::uint64_t sandbox = 0;
    bool is_awaited = false;  ///< A job waits for it already.
};
inline constexpr std::size_t kPayloadFdCount = 8;
inline constexpr std::size_t kTwinFdCount = 1;

/// What they answer.
enum class NestAnswer : std::uint8_t {
    kNestFailed = 1,   ///< There will be no nest; a Failure follows.
    kNurseryBorn = 2,  ///< With its pidfd.
    kReady = 3,        ///< The zygote is warm; its memory follows.
    kInitBorn = 4,     ///< With its pidfd, and its network namespace if that is a new one.
    kPayloadBorn = 5,  ///< With its pidfd; when its fork began follows.
    kFailed = 6,       ///< Nobody was born; a Failure follows.
    kTwinBorn = 7,     ///< With its pidfd; without one there is no twin.
};

/// One answer with whatever belongs to its kind.
struct NestMessage {
    NestAnswer kind = NestAnswer::kNestFailed;
    std::uint64_t sandbox = 0;
    std::int32_t pid = 0;            ///< Of who was born, in the supervisor's pid namespace.
    std::int64_t forking_ns = 0;     ///< CLOCK_MONOTONIC.
    std::uint64_t data_bytes = 0;    ///< kReady: what RLIMIT_DATA counts of a fresh payload.
    std::uint64_t memory_bytes = 0;  ///< kReady: resident.
    Failure failure;
};

std::vector<std::byte> encode(const InitRequest& request);
std::vector<std::byte> encode(const ZygoteRequest& request);
std::vector<std::byte> encode(const NestMessage& message);
/// All throw Error on bytes that do not fit.
InitRequest decode_init_request(std::span<const std::byte> bytes);
ZygoteRequest decode_zygote_request(std::span<const std::byte> bytes);
NestMessage decode_nest_message(std::span<const std::byte> bytes);

/// The whole life of a warm zygote whose first message was `first`. Returns, in it and in every
/// twin, when the supervisor has closed `control`; the caller ends the process.
void run_nest(const UniqueFd& control, Message& first, Guest& guest);

}  // namespace vitrine::sandbox
