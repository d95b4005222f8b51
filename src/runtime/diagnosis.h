// Why a step of a launch failed, and what its owner can do about it: the step, the errno and what
// the host says of itself point to a row of base/causes.h.
#pragma once

#include <optional>

#include "base/causes.h"
#include "runtime/host_facts.h"
#include "sandbox/steps.h"
#include "vitrine/result.h"

namespace vitrine::runtime {

/// Empty where the failure's own words say all that is known.
std::optional<Advice> diagnose(const sandbox::Failure& failure, const HostFacts& facts);

/// What to say of the calls that are refused whatever their arguments; there must be some.
Advice advise_on_refused_calls(const HostFacts& facts);

/// The failure as a result has it, with the remedy of this host. Looks around only where a cause
/// is sought.
SetupError describe(const sandbox::Failure& failure);

}  // namespace vitrine::runtime
