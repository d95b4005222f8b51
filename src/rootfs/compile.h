// Bytecode by a rootfs's own Python, which nobody has reason to trust: it runs in a sandbox.
//
// A host's Python can compile for its own minor version alone, and only what somebody vouches for:
// a parser that is fed strangers' source belongs behind a fence. This room knows no sandboxes, so
// whoever brings one along passes it in.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "rootfs/description.h"
#include "rootfs/tree.h"

namespace vitrine::rootfs {

/// A Python program to be run with the rootfs in a sandbox.
struct InsideProgram {
    std::string rootfs;    ///< Host path of a tree with a description.
    std::string source;    ///< Of the program.
    std::string input;     ///< What it reads on stdin.
    std::string results;   ///< Host directory for what it leaves in /tmp/out: regular files only.
    std::uint64_t room{};  ///< Bytes it may leave there.
};

/// Runs it to its end. Throws Error unless that was well.
using RunInside = std::function<void(const InsideProgram&)>;

/// Gives every module of the search path its bytecode in `__pycache__`, marked as never to be
/// checked (PEP 552), in place of what is there; modules that cannot be compiled stay without. The
/// tree must be described (see complete.h). What comes out of the sandbox is only ever written as
/// the bytecode of a module that is in the tree. Returns how many have it. Throws Error.
std::size_t compile_inside(Tree& tree, const PythonDescription& python, const RunInside& run);

}  // namespace vitrine::rootfs
