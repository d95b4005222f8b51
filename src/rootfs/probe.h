// What a Python of the host says of itself and of what is installed in it.
#pragma once

#include <string>
#include <vector>

#include "rootfs/description.h"

namespace vitrine::rootfs {

/// Which Python, and what of what is installed there.
struct ProbeRequest {
    std::string executable;
    std::string environment;                 ///< A virtual environment to take whole, or empty.
    std::vector<std::string> distributions;  ///< To take along, with all they need.
};

/// Paths are the host's.
struct Probe {
    std::string version;  ///< `3.11.2`
    std::string soabi;
    std::string libpython;
    std::string stdlib;
    std::string dynload;
    std::vector<std::string> sites;     ///< Directories the distributions are in.
    std::vector<std::string> parts;     ///< Files and directories of the distributions.
    std::vector<std::string> prefixes;  ///< Of the environment, if any, and of the Python.
    std::vector<Distribution> distributions;
};

/// Throws Error when there is no such interpreter, UsageError when a rootfs cannot be made from it:
/// a version Vitrine does not know, no shared libpython, a distribution that is missing.
Probe ask(const ProbeRequest& request);

/// Where a path of the host is in the rootfs: there every Python lives in /usr, and nothing tells
/// where the host has it.
std::string path_in_tree(const Probe& probe, const std::string& host_path);

}  // namespace vitrine::rootfs
