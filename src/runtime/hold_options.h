// What a program can be held for before its first line.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

namespace vitrine::runtime {

/// How strace is called. `-f` is always said.
struct StraceOptions {
    std::vector<std::string> words;  ///< Further options, as `-T`.
    std::string file;                ///< Absolute path that gets the trace; empty: our stderr does.
};

struct DebuggerOptions {
    /// The process waits: the caller is told whom to attach to.
    std::function<void(pid_t payload)> on_waiting;
    /// Descriptor where a line lets the program go as well; -1 for none. Borrowed.
    int line_fd = -1;
};

}  // namespace vitrine::runtime
