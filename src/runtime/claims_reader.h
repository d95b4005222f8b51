// What comes out of the result pipe, taken with suspicion.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "base/frame.h"
#include "python/claims.h"
#include "sandbox/report.h"

namespace vitrine::runtime {

/// The conversation so far. Until `accepted` is set only trusted code has spoken; from then on
/// only `value` and `exception` can change, whatever the job writes to the pipe.
struct Claims {
    std::optional<sandbox::Failure> failure;
    std::optional<sandbox::Listening> listening;
    std::optional<sandbox::Confined> confined;
    std::vector<Finding> findings;
    std::vector<python::CheckedSource> checked;
    std::optional<std::uint64_t> checking;  ///< The last source that was come to.
    std::optional<python::Accepted> accepted;
    /// A command was to be executed; unless `failure` says otherwise, it was.
    std::optional<python::Accepted> starting;
    std::optional<python::ValueClaim> value;
    std::optional<ExceptionClaim> exception;
};

class ClaimsReader {
  public:
    /// Takes the next bytes of the pipe. Never throws: what does not fit is dropped.
    void feed(std::span<const std::byte> bytes);
    const Claims& claims() const noexcept { return claims_; }
    /// Once the pipe is at its end: what was announced and did not fail has been done.
    void finish();

  private:
    void take(const Frame& frame);
    void take_trusted(const Frame& frame);
    void take_claim(const Frame& frame);

    FrameReader reader_{python::kMaxClaimBytes + 65536};
    Claims claims_;
};

}  // namespace vitrine::runtime
