// What makes a run interactive: a terminal for the job, a prompt for Python, a banner.
#pragma once

#include <chrono>

#include "cli/run_options.h"
#include "vitrine/job.h"

namespace vitrine::cli {

/// How long a shell lasts that nobody leaves, unless --timeout says otherwise.
inline constexpr std::chrono::hours kShellTimeout{8};

/// Gives the job a terminal, ours being on stdin, and TERM for it. Throws UsageError naming `flag`
/// where stdin is no terminal.
void give_terminal(Job& job, const char* flag);

/// The program that reads Python from the job's terminal and runs it.
Source shell_program();

/// Has the sandbox described on stderr before the prompt. The request is borrowed by itself: it
/// must stay where it is.
void announce_shell(RunRequest& request);

}  // namespace vitrine::cli
