// Where a payload waits before its program's first line, for somebody to attach to it from outside.
#pragma once

#include <string_view>

namespace vitrine::python {

/// What lets a program go. It is the first thing that a tracer attached at the gate sees read.
inline constexpr std::string_view kGo = "vitrine: here it starts\n";

/// Waits until something can be read from `gate_fd`, and closes it. Where that ends without a word
/// nobody wants the program to run: the process ends.
void pass_gate(int gate_fd);

/// The other side: lets go whoever waits. That it is dead by now is noticed elsewhere.
void open_gate(int gate_fd) noexcept;

}  // namespace vitrine::python
