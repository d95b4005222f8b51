// The end of a program, as python3 ends one.
#pragma once

#include "python/api.h"

namespace vitrine::python {

/// What Py_FinalizeEx does that a program can notice: threads are waited for, exit handlers run,
/// `__main__` is destroyed while its names still work, streams are flushed. `globals` is the
/// caller's reference to the dict of `__main__`; the caller keeps no other object of the program.
/// Returns what python3 would exit with instead of `exit_code`. May finalise the interpreter:
/// nothing of `api` may be called afterwards.
int end_program(const Api& api, Ref globals, int exit_code);

/// The part of it that destroys `__main__`, for a program that nothing else came of.
void drop_main(const Api& api, Ref globals);

}  // namespace vitrine::python
