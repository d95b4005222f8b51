// The `vitrine` module a job can import: `vitrine.result(obj)` hands a value back.
#pragma once

#include "python/api.h"

namespace vitrine::python {

/// What the module's functions work on. Must outlive the interpreter, that is, the process.
struct JobModule {
    const Api* api = nullptr;
    int report_fd = -1;
    PyMethodDef result_method{};
};

/// Puts the module into sys.modules. Throws Error.
void install_job_module(JobModule& module);

}  // namespace vitrine::python
