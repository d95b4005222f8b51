// What a program and its supervisor say to each other, as frames on a stream socket.
//
// The supervisor is told Start once, then jobs; it says Ready, then one result a job, in any order.
// End of file on either side ends the conversation, and with it every job.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "vitrine/job.h"
#include "vitrine/preload.h"
#include "vitrine/result.h"

namespace vitrine::library {

enum class Kind : std::uint32_t {
    kStart,      ///< To the supervisor: Start.
    kJob,        ///< To the supervisor: NumberedJob.
    kInterrupt,  ///< To the supervisor, empty: end and answer every job that was sent.
    kReady,      ///< From the supervisor: Ready.
    kResult,     ///< From the supervisor: NumberedResult.
    kRefusal,    ///< From the supervisor, which then ends: Refusal.
};

/// The descriptor the supervisor finds its socket at.
inline constexpr int kSocketFd = 3;

/// The hidden verb of `vitrine`, followed by build_id() and the program's pid.
inline constexpr const char* kVerb = "supervise";

/// A frame that is longer breaks the conversation.
inline constexpr std::size_t kMaxFrameBytes = std::size_t{1} << 30;
/// Of Limits::max_output_bytes: two streams of it fit into a frame, with everything else.
inline constexpr std::uint64_t kMaxOutputBytes = std::uint64_t{256} << 20;

/// Jobs sent ahead for each worker: the one it runs, and those prepared meanwhile.
inline constexpr std::size_t kJobsInFlight = 4;

struct Start {
    unsigned workers = 1;
    bool is_cold = false;
    Preload preload;
    std::string rootfs;    ///< Empty: the installed one.
    std::string profiles;  ///< The same.
};

struct Ready {
    std::int32_t pid = 0;  ///< The supervisor's own.
};

struct NumberedJob {
    std::uint64_t number = 0;
    Job job;
};

struct NumberedResult {
    std::uint64_t number = 0;
    Result result;
};

/// Why there will be no results.
struct Refusal {
    std::string message;
    std::string hint;
};

/// Both sides must be of one build: the encoding has no versions.
std::string build_id();

}  // namespace vitrine::library
