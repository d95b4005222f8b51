#include "rootfs/inspect.h"

#include <gnu/libc-version.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <deque>
#include <filesystem>
#include <optional>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "rootfs/closure.h"
#include "rootfs/python_versions.h"

namespace vitrine::rootfs {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxLibrary = std::size_t{256} << 20U;

/// Below the root, in the order a loader without a cache looks.
std::vector<std::string> library_directories() {
    const std::string multiarch = fs::path(library_directory()).filename();
    return {
        "/usr/lib/" + multiarch, "/lib/" + multiarch, "/lib64", "/usr/lib64", "/lib", "/usr/lib",
        "/usr/local/lib",        "/opt/python/lib"};
}

bool is_file(const std::string& path) {
    std::error_code error;
    return fs::is_regular_file(path, error);
}

bool is_directory(const std::string& path) {
    std::error_code error;
    return fs::is_directory(path, error);
}

/// Every link of an unpacked tree stays in it, so the host may follow them.
std::optional<std::string> find_library(const std::string& root, const std::string& name) {
    for (const std::string& directory : library_directories()) {
        if (is_file(concat(root, directory, "/", name))) return concat(directory, "/", name);
    }
    return std::nullopt;
}

bool has_musl(const std::string& root) {
    if (!is_directory(root + "/lib")) return false;
    return std::ranges::any_of(fs::directory_iterator(root + "/lib"), [](const auto& entry) {
        return entry.path().filename().string().starts_with("ld-musl-");
    });
}

/// Any libpython at all, for the message.
std::string other_python(const std::string& root) {
    for (const std::string& directory : library_directories()) {
        if (!is_directory(root + directory)) continue;
        for (const auto& entry : fs::directory_iterator(root + directory)) {
            const std::string name = entry.path().filename();
            if (name.starts_with("libpython3.") && name.find(".so") != std::string::npos) {
                return name;
            }
        }
    }
    return {};
}

struct Found {
    std::string version;  ///< `3.12`
    std::string library;
};

/// The newest, should there be several.
Found find_libpython(const std::string& root) {
    if (has_musl(root)) {
        throw UsageError("its C library is musl",
                         "Vitrine runs Python in a process of glibc: import an image of Debian's "
                         "or another glibc distribution (python:3.11-slim, not -alpine)");
    }
    for (int minor = kNewestMinor; minor >= kOldestMinor; --minor) {
        const std::string version = concat("3.", minor);
        if (auto found = find_library(root, concat("libpython", version, ".so.1.0")))
            return {version, std::move(*found)};
    }
    const std::string other = other_python(root);
    throw UsageError(other.empty()
                         ? "it has no shared libpython"
                         : concat("it has ", other, "; Vitrine runs Python ", kSupportedVersions),
                     "import one with a file such as libpython3.11.so.1.0: the python images on "
                     "Docker Hub have it, Debian's package is libpython3.11");
}

/// The first `3.11.N` in the library's data, `minor` being `3.11`.
std::string version_in(const std::string& library, const std::string& minor) {
    const std::string bytes = read_file(library, kMaxLibrary);
    const std::string start = minor + ".";
    for (std::size_t at = bytes.find(start); at != std::string::npos;
         at = bytes.find(start, at + 1)) {
        std::size_t end = at + start.size();
        while (end < bytes.size() && std::isdigit(static_cast<unsigned char>(bytes[end])) != 0)
            ++end;
        if (end > at + start.size() && bytes[at - 1] == '\0') return bytes.substr(at, end - at);
    }
    return minor;
}

/// `cpython-311-x86_64-linux-gnu`, from the name of any extension module.
std::string soabi_in(const std::string& dynload) {
    if (!is_directory(dynload)) return {};
    for (const auto& entry : fs::directory_iterator(dynload)) {
        const std::string name = entry.path().filename();
        const std::size_t start = name.find(".cpython-");
        if (start != std::string::npos && name.ends_with(".so")) {
            return name.substr(start + 1, name.size() - start - 4);
        }
    }
    return {};
}

void refuse_newer_glibc(const std::string& root) {
    const auto libc = find_library(root, "libc.so.6");
    if (!libc) throw UsageError("it has no libc.so.6", "import a tree of a glibc distribution");
    constexpr std::string_view kBefore = "stable release version ";
    const std::string bytes = read_file(root + *libc, kMaxLibrary);
    const std::size_t at = bytes.find(kBefore);
    if (at == std::string::npos) return;
    const std::string version = bytes.substr(
        at + kBefore.size(),
        bytes.find_first_not_of("0123456789.", at + kBefore.size()) - at - kBefore.size());
    const std::string own = ::gnu_get_libc_version();
    const auto minor = [](const std::string& text) {
        return std::stoi(text.substr(text.find('.') + 1));
    };
    if (minor(version) > minor(own)) {
        throw UsageError(concat("its glibc is ", version, ", the host's is ", own),
                         "a newer libc cannot be loaded beside an older one: use a host as new as "
                         "the image");
    }
}

/// What libpython needs, and that needs, with paths in the tree; glibc's own family first.
std::vector<std::string> libraries_of(const std::string& root, const std::string& libpython) {
    std::vector<std::string> found;
    std::set<std::string> seen;
    std::deque<std::string> open{libpython};
    while (!open.empty()) {
        const std::string user = open.front();
        open.pop_front();
        for (const std::string& name : needed_libraries(root + user)) {
            if (!seen.insert(name).second) continue;
            if (name.starts_with("libc.") || name.starts_with("ld-")) continue;
            const auto path = find_library(root, name);
            if (!path) {
                throw UsageError(concat("'", user, "' needs ", name, ", which is not in it"),
                                 "the image is not complete");
            }
            found.push_back(*path);
            open.push_back(*path);
        }
    }
    std::ranges::reverse(found);  // What is needed comes before what needs it.
    return found;
}

/// `/usr/local` of `/usr/local/lib/libpython3.11.so.1.0`.
std::string prefix_of(const std::string& libpython) {
    return libpython.substr(0, libpython.find("/lib"));
}

}  // namespace

PythonDescription find_python(const std::string& directory) {
    const auto [minor, libpython] = find_libpython(directory);
    refuse_newer_glibc(directory);
    std::string prefix = prefix_of(libpython);
    if (prefix.empty()) prefix = "/usr";
    const std::string stdlib = concat(prefix, "/lib/python", minor);
    if (!is_file(directory + stdlib + "/os.py")) {
        throw UsageError(concat("its standard library is not in ", stdlib),
                         concat("Debian's package is libpython", minor, "-stdlib"));
    }
    PythonDescription python{.version = version_in(directory + libpython, minor),
                             .soabi = soabi_in(directory + stdlib + "/lib-dynload"),
                             .libpython = libpython,
                             .libraries = libraries_of(directory, libpython),
                             .prefix = prefix,
                             .search_path = {stdlib, stdlib + "/lib-dynload"},
                             .distributions = {}};
    for (const std::string& site :
         {stdlib + "/site-packages", concat("/usr/local/lib/python", minor, "/dist-packages"),
          std::string("/usr/lib/python3/dist-packages")}) {
        if (is_directory(directory + site)) python.search_path.push_back(site);
    }
    return python;
}

}  // namespace vitrine::rootfs
