// Frames the guest writes on the result pipe. Up to and including kAccepted they come from trusted
// code; what follows is whatever the job wants to claim.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vitrine/result.h"

namespace vitrine::python {

enum class ClaimKind : std::uint32_t {
    kFindings = 16,   ///< Layer 1's findings. Refused if no kAccepted follows.
    kAccepted = 17,   ///< Everything is validated and compiled; untrusted code runs next.
    kValue = 18,      ///< What --entry returned or vitrine.result() was given.
    kException = 19,  ///< The exception nobody caught.
    kChecking = 20,   ///< A check of many sources comes to the next one.
    kChecked = 21,    ///< It is done with it. No untrusted code runs in such a process.
};

/// What is known the moment before untrusted code runs.
struct Accepted {
    std::string python_version;
    std::int64_t started_ns = 0;   ///< CLOCK_MONOTONIC: reading and validating began.
    std::int64_t accepted_ns = 0;  ///< They ended.
    bool is_held = false;          ///< It waits at its gate (gate.h) until it is let go.
};

/// What layer 1 says of one of many sources.
struct CheckedSource {
    std::uint64_t index = 0;
    std::vector<Finding> findings;
};

struct ValueClaim {
    std::string json;
    std::vector<std::string> notes;
};

/// No claim is longer; a value that would be is dropped with a note.
inline constexpr std::size_t kMaxClaimBytes = std::size_t{1} << 20;

std::vector<std::byte> encode(const std::vector<Finding>& findings);
std::vector<std::byte> encode(const Accepted& accepted);
std::vector<std::byte> encode(const CheckedSource& checked);
std::vector<std::byte> encode(const ValueClaim& value);
std::vector<std::byte> encode(const ExceptionClaim& exception);
/// All throw Error on bytes that do not fit.
std::vector<Finding> decode_findings(std::span<const std::byte> bytes);
Accepted decode_accepted(std::span<const std::byte> bytes);
CheckedSource decode_checked(std::span<const std::byte> bytes);
ValueClaim decode_value(std::span<const std::byte> bytes);
ExceptionClaim decode_exception(std::span<const std::byte> bytes);

}  // namespace vitrine::python
