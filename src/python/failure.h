// An exception nobody caught: shown as python3 shows it, and reported.
#pragma once

#include <optional>

#include "python/api.h"
#include "vitrine/job.h"
#include "vitrine/result.h"

namespace vitrine::python {

/// Lets tracebacks quote the program's lines although no file of it exists in the sandbox: gives
/// `globals` a `__loader__` that knows the source.
void show_source_to_tracebacks(const Api& api, PyObject* globals, const Source& source);

struct Outcome {
    int exit_code = 1;
    std::optional<ExceptionClaim> claim = std::nullopt;  ///< None for SystemExit.
    bool was_interrupted = false;                        ///< By a KeyboardInterrupt.
};

/// Takes the pending exception: SystemExit gives its exit code, everything else is printed to
/// sys.stderr (through the program's sys.excepthook if it set one) and described.
Outcome handle_uncaught(const Api& api);

}  // namespace vitrine::python
