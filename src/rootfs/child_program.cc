#include "rootfs/child_program.h"

#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "base/error.h"

namespace vitrine::rootfs {

namespace {

constexpr int kNotExecuted = 127;

/// `parent` is who must not have died already.
[[noreturn]] void become_program(const std::vector<char*>& argv, int output_fd,
                                 const std::string& scratch, pid_t parent) {
    ::dup2(output_fd, STDOUT_FILENO);
    (void)::signal(SIGPIPE, SIG_DFL);
    // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread.
    if (!scratch.empty() && ::setenv("TMPDIR", scratch.c_str(), 1) != 0) ::_exit(kNotExecuted);
    kernel::die_with_parent();
    if (::getppid() == parent) ::execvp(argv[0], argv.data());
    ::_exit(kNotExecuted);
}

}  // namespace

bool is_in_path(const std::string& name) {
    const char* path = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe): one thread.
    std::istringstream directories(path != nullptr ? path : "/usr/bin:/bin");
    for (std::string directory; std::getline(directories, directory, ':');) {
        if (::access((std::filesystem::path(directory) / name).c_str(), X_OK) == 0) return true;
    }
    return false;
}

kernel::Cloned start_program(std::vector<std::string> words, int output_fd,
                             const std::string& scratch) {
    const pid_t parent = ::getpid();
    std::vector<char*> argv;
    for (std::string& word : words)
        argv.push_back(word.data());
    argv.push_back(nullptr);
    kernel::Cloned child = kernel::clone_process({.flags = 0, .exit_signal = SIGCHLD});
    if (child.pid != 0) return child;
    become_program(argv, output_fd, scratch, parent);
}

void await_success(const kernel::Cloned& child, const std::string& name) {
    const kernel::Ended ended = kernel::wait_for(child.pidfd.get());
    if (!ended.by_signal && ended.code == 0) return;
    throw Error(
        concat("'", name, "' ended with ", ended.by_signal ? "signal " : "exit code ", ended.code),
        "what it wrote above says why");
}

}  // namespace vitrine::rootfs
