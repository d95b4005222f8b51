// Decisions to a short program.
#pragma once

#include <span>
#include <string>

#include "seccomp/decisions.h"

namespace vitrine::seccomp {

/// A program that decides so: neighbouring calls with one fate share a range, the ranges are found
/// by a search in which what is called often comes early, and an argument's word is loaded once.
/// The first table's architecture is looked for first; `hot_calls` are numbers on it. Throws Error
/// beyond BPF_MAXINSNS.
Program assemble(const Decisions& decisions, std::span<const std::uint32_t> hot_calls = {});

}  // namespace vitrine::seccomp
