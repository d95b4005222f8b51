#include "rootfs/child_program.h"

#include <signal.h>
#include <unistd.h>

#include "base/error.h"

namespace vitrine::rootfs {

namespace {

constexpr int kNotExecuted = 127;

}  // namespace

kernel::Cloned start_program(std::vector<std::string> words, int output_fd) {
    std::vector<char*> argv;
    for (std::string& word : words)
        argv.push_back(word.data());
    argv.push_back(nullptr);
    kernel::Cloned child = kernel::clone_process({.flags = 0, .exit_signal = SIGCHLD});
    if (child.pid != 0) return child;
    ::dup2(output_fd, STDOUT_FILENO);
    (void)::signal(SIGPIPE, SIG_DFL);
    ::execvp(argv[0], argv.data());
    ::_exit(kNotExecuted);
}

void await_success(const kernel::Cloned& child, const std::string& name) {
    const kernel::Ended ended = kernel::wait_for(child.pidfd.get());
    if (!ended.by_signal && ended.code == 0) return;
    throw Error(
        concat("'", name, "' ended with ", ended.by_signal ? "signal " : "exit code ", ended.code),
        "what it wrote above says why");
}

}  // namespace vitrine::rootfs
