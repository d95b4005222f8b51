// Runs one program in this process: read, validate, compile, run, report.
#pragma once

#include "python/guard.h"
#include "python/interpreter.h"
#include "python/program.h"

namespace vitrine::python {

/// Exit code of a program that layer 1 refused.
inline constexpr int kRefusedExit = 126;

/// Runs `program` to its end the way `python3 SCRIPT` would, and returns the exit code. Findings,
/// the acceptance, the value and an uncaught exception are written to `report_fd` as frames
/// (claims.h). The source is parsed once: the tree that was validated is the tree that is
/// compiled. The caller ends the process; the interpreter is not finalised, but threads are
/// joined, exit handlers run, the program's module is cleared and its streams are flushed.
///
/// Where the program is a list of sources to check, nothing of them runs: each is announced, judged
/// within ten seconds (or SIGALRM ends the process), and reported.
///
/// With a `gate_fd`, a program that was accepted waits there before its first line (gate.h), and
/// its acceptance says so.
///
/// With a `guard`, made for it, that and its policy are the program's, and `program` has none.
int run_program(const Interpreter& interpreter, const Program& program, int report_fd,
                int gate_fd = -1, Guard* guard = nullptr);

/// Takes a small program through all of it, with the guard of the programs to come if they have
/// one, and tells nobody. Leaves nothing but memory that has been touched; before any program.
/// Throws Error.
void rehearse(const Interpreter& interpreter, Guard* guard);

}  // namespace vitrine::python
