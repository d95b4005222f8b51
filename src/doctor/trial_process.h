// A step of a launch, tried in a process that is thrown away.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "sandbox/steps.h"

namespace vitrine::doctor {

/// Runs `action` as `step` in a child born in the new namespaces `flags`. With CLONE_NEWUSER among
/// them the child is its root, as a zygote is. Returns what kept it from being done; the child has
/// half a minute.
std::optional<sandbox::Failure> try_in_child(sandbox::Step step, std::uint64_t flags,
                                             const std::function<void()>& action);

/// The same one level deeper: in the user and pid namespace of a sandbox, as its init.
std::optional<sandbox::Failure> try_in_sandbox(sandbox::Step step,
                                               const std::function<void()>& action);

}  // namespace vitrine::doctor
