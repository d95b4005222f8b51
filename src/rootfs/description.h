// What a rootfs says about its Python: the file /.vitrine/python.json in it.
#pragma once

#include <string>
#include <vector>

namespace vitrine::rootfs {

struct Distribution {
    std::string name;
    std::string version;
};

/// Paths are as they are inside the rootfs.
struct PythonDescription {
    std::string version;                   ///< `3.11.2`
    std::string soabi;                     ///< `cpython-311-x86_64-linux-gnu`
    std::string libpython;                 ///< Shared library, loaded with dlopen.
    std::vector<std::string> libraries;    ///< What libpython needs, to be loaded before it.
    std::string prefix;                    ///< sys.prefix
    std::vector<std::string> search_path;  ///< sys.path; the standard library first.
    std::vector<Distribution> distributions;
};

/// Where the description is, below the rootfs.
inline constexpr const char* kDescriptionFile = "/.vitrine/python.json";

/// Reads the description of the rootfs in `directory`. Throws UsageError, with how to build one,
/// when there is no such directory or no Python in it.
PythonDescription read_description(const std::string& directory);

std::string encode_description(const PythonDescription& description);
/// Throws Error on what is no description.
PythonDescription decode_description(const std::string& text);

}  // namespace vitrine::rootfs
