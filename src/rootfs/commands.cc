#include "rootfs/commands.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "base/error.h"
#include "rootfs/closure.h"

namespace vitrine::rootfs {

namespace {

namespace fs = std::filesystem;

constexpr const char* kDirectory = "/usr/bin";
constexpr const char* kUsualPath = "/usr/bin:/bin:/usr/sbin:/sbin";

std::string look_in_path(const std::string& name) {
    const char* given = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe): one thread.
    std::istringstream directories(given != nullptr ? given : kUsualPath);
    for (std::string directory; std::getline(directories, directory, ':');) {
        std::string path = concat(directory, "/", name);
        if (::access(path.c_str(), X_OK) == 0 && !fs::is_directory(path)) return path;
    }
    return {};
}

}  // namespace

std::string find_command(const std::string& command) {
    const bool is_path = command.find('/') != std::string::npos;
    std::string path = is_path ? fs::absolute(command).string() : look_in_path(command);
    if (path.empty() || !fs::is_regular_file(path)) {
        throw UsageError(concat("this host has no command '", command, "'"),
                         "install it, or give its path");
    }
    if (!is_shared_object(path)) {
        throw UsageError(concat("'", path, "' is a script or a foreign program"),
                         "take its interpreter along, and bind the script in");
    }
    return path;
}

void copy_command(Tree& tree, const std::string& path) {
    const std::string place = concat(kDirectory, "/", fs::path(path).filename().string());
    tree.copy(path, place);
    tree.make_executable(place);
    if (const std::string loader = loader_of(path); !loader.empty()) {
        tree.copy(loader, loader);
        tree.make_executable(loader);
    }
    if (!tree.has("/bin")) tree.link("/bin", "usr/bin");
}

}  // namespace vitrine::rootfs
