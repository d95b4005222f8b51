// The corpus of layer 1: programs it must refuse and programs it must let pass, as text files.
#pragma once

#include <ostream>
#include <string>
#include <vector>

namespace vitrine::test {

/// One program of the corpus. A file holds many: each begins after a line `=== its name`, and what
/// is said about it stands in comments of its own (`# expects: TEXT`).
struct Case {
    std::string family;  ///< The file's name without `.txt`: the class of bypass, or of honest use.
    std::string name;
    std::string source;
    /// What the program prints when it got what it was after; empty: the canary.
    std::string expects;
    /// Why no effect can be shown inside the sandbox; empty for nearly all.
    std::string without_effect;
    /// Nothing in its text tells it from an honest one: layer 1 stops it when it does what it does.
    bool is_stopped_at_run_time = false;
    /// The walk refuses it, and without the walk the guard would.
    bool is_also_stopped_at_run_time = false;
};

/// All cases of `tests/validator/KIND/*.txt`, in the order of their files' names. Throws Error when
/// a file does not begin with a case.
std::vector<Case> read_corpus(const std::string& kind);

/// `family: name`, for messages.
std::string title(const Case& program);
/// GoogleTest names a failure by it.
void PrintTo(const Case& program, std::ostream* out);

/// Whether the program needs the rootfs with numpy and pandas in it.
bool is_scientific(const Case& program);

}  // namespace vitrine::test
