// `vitrine run --wait-for-debugger`: who is told what, and how one goes on.
#pragma once

#include <optional>

#include "cli/run_options.h"
#include "runtime/hold_options.h"

namespace vitrine::cli {

/// Nothing where the request waits for nobody. Borrows the request.
std::optional<runtime::DebuggerOptions> debugger_options(const RunRequest& request);

}  // namespace vitrine::cli
