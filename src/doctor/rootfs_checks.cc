#include "doctor/rootfs_checks.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <set>
#include <sstream>

#include "base/error.h"
#include "base/fd.h"
#include "kernel/process.h"
#include "rootfs/inspect.h"
#include "rootfs/light_check.h"
#include "rootfs/probe.h"
#include "rootfs/python_versions.h"

namespace vitrine::doctor {

namespace {

namespace fs = std::filesystem;

std::string minor_of(const std::string& version) {
    return version.substr(0, version.rfind('.'));
}

/// Whether the Python of a tree that Vitrine did not make would do.
std::string describe_foreign_python(const std::string& directory) {
    try {
        const auto python = rootfs::find_python(directory);
        return concat("the Python ", python.version,
                      " in it would do: make a tar of it, then 'vitrine rootfs import'");
    } catch (const Error& error) {
        return concat("its Python would not do: ", error.what());
    }
}

rootfs::Manifest read_manifest(const std::string& directory) {
    try {
        return rootfs::read_manifest(directory);
    } catch (const CauseError&) {
        throw;
    } catch (const Error& error) {
        throw CauseError(advise(Cause::kRootfsDamaged, {directory, error.what()}));
    }
}

void refuse_damage(const std::string& directory, const rootfs::Manifest& manifest) {
    const auto differences = rootfs::compare_lightly(manifest, directory);
    if (differences.empty()) return;
    const rootfs::Difference& first = differences.front();
    const bool is_missing = first.kind == rootfs::Difference::Kind::kMissing;
    throw CauseError(advise(
        Cause::kRootfsDamaged,
        {directory, concat(first.path, is_missing ? " is missing" : concat(": ", first.detail),
                           differences.size() > 1
                               ? concat(", and ", differences.size() - 1, " more differences")
                               : "")}));
}

Check check_tree(const std::string& directory) {
    const std::string version = rootfs::read_description(directory).version;
    if (!rootfs::is_supported(minor_of(version))) {
        throw CauseError(advise(Cause::kRootfsPython, {directory, version}));
    }
    const rootfs::Manifest manifest = read_manifest(directory);
    refuse_damage(directory, manifest);
    return passed("rootfs", concat("Python ", version, " in '", directory, "', ",
                                   manifest.entries.size(), " entries, all there"));
}

std::vector<fs::path> python_directories() {
    std::vector<fs::path> directories;
    const char* path = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe)
    std::istringstream words(path != nullptr ? path : "");
    for (std::string word; std::getline(words, word, ':');) {
        if (word.starts_with('/')) directories.emplace_back(word);
    }
    for (const char* usual : {"/usr/local/bin", "/usr/bin"})
        directories.emplace_back(usual);
    return directories;
}

/// By what they really are: most hosts call one Python by several names.
std::set<std::string> find_pythons() {
    std::set<std::string> found;
    for (const fs::path& directory : python_directories()) {
        std::vector<std::string> names{"python3"};
        for (int minor = rootfs::kOldestMinor; minor <= rootfs::kNewestMinor; ++minor)
            names.push_back(concat("python3.", minor));
        for (const std::string& name : names) {
            std::error_code error;
            const fs::path real = fs::canonical(directory / name, error);
            if (!error && ::access(real.c_str(), X_OK) == 0) found.insert(real.string());
        }
    }
    return found;
}

struct Asked {
    bool is_usable = false;
    std::string note;
};

Asked ask(const std::string& python) {
    try {
        const std::string version =
            rootfs::ask({.executable = python, .environment = {}, .distributions = {}}).version;
        return {true, concat("usable: '", python, "', Python ", version)};
    } catch (const std::exception& error) {
        return {false, concat("not usable: ", error.what())};
    }
}

/// In a process of its own: what a broken Python complains of on stderr is not for our reader.
Asked ask_quietly(const std::string& python) {
    constexpr std::size_t kMaxNote = 65536;
    Pipe answer = make_pipe();
    const kernel::Cloned child = kernel::clone_process({.flags = 0, .exit_signal = SIGCHLD});
    if (child.pid == 0) {
        try {
            const UniqueFd null = open_file("/dev/null", O_RDWR);
            for (const int fd : {STDIN_FILENO, STDERR_FILENO})
                check(::dup2(null.get(), fd), "silencing a Python", "dup2");
            const Asked asked = ask(python);
            write_all(answer.write_end.get(), asked.note);
            ::_exit(asked.is_usable ? 0 : 1);
        } catch (...) {
            ::_exit(1);
        }
    }
    answer.write_end.reset();
    std::string note = read_all(answer.read_end.get(), kMaxNote);
    const kernel::Ended ended = kernel::wait_for(child.pidfd.get());
    return {!ended.by_signal && ended.code == 0, std::move(note)};
}

}  // namespace

Check check_rootfs(const std::string& directory) {
    try {
        return check_tree(directory);
    } catch (const CauseError& error) {
        Check check = judged(
            "rootfs",
            {.cause = error.cause(), .message = error.what(), .remedy = error.hint(), .file = {}});
        if (error.cause() == Cause::kRootfsForeign) {
            check.notes.push_back(describe_foreign_python(directory));
        }
        return check;
    }
}

Check check_host_pythons() {
    Check check = passed("pythons", {});
    std::size_t usable = 0;
    for (const std::string& python : find_pythons()) {
        Asked asked = ask_quietly(python);
        check.notes.push_back(std::move(asked.note));
        if (asked.is_usable) ++usable;
    }
    if (usable == 0) {
        Check none = judged("pythons", advise(Cause::kNoHostPython));
        none.notes = std::move(check.notes);
        return none;
    }
    check.found = concat("a rootfs can be built from ", usable, " of ", check.notes.size(),
                         " Pythons of this host");
    return check;
}

}  // namespace vitrine::doctor
