// Making a rootfs from the host's CPython.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "rootfs/manifest.h"

namespace vitrine::rootfs {

struct BuildRequest {
    std::string output;  ///< Directory to make; one made by us before is replaced.
    /// Interpreter to make it from; empty for the one this Vitrine was built against.
    std::string python;
    /// A virtual environment to take whole, installers left out; empty for none.
    std::string environment;
    std::vector<std::string> distributions;  ///< To take along, with all they need.
    /// Programs of the host to take along, by name or path, for jobs that are no Python.
    std::vector<std::string> commands;
    bool has_bytecode = true;  ///< Without, every job compiles what it imports.
    std::string recipe;        ///< For the manifest: the recipe's name, or empty.
    /// Told what is being done, one short line at a time.
    std::function<void(const std::string&)> progress = [](const std::string&) {};
};

struct BuildSummary {
    Manifest manifest;
};

/// Builds beside `output` and renames at the end: `output` is complete or what it was before. Files
/// have mode 0444, directories 0755; nothing in it can be executed but the commands asked for.
/// Throws Error.
BuildSummary build(const BuildRequest& request);

}  // namespace vitrine::rootfs
