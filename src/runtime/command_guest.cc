#include "runtime/command_guest.h"

#include <unistd.h>

#include <cstdlib>

#include "base/error.h"
#include "base/frame.h"
#include "base/words.h"
#include "python/claims.h"
#include "python/gate.h"
#include "runtime/command.h"
#include "sandbox/report.h"

namespace vitrine::runtime {

namespace {

using sandbox::Failure;
using sandbox::Step;

constexpr int kNotRunExit = 125;

std::string path_of_job() {
    const char* path = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe): one thread.
    return path != nullptr ? path : "";
}

/// Where the command may be, in the order to be tried.
std::vector<std::string> places_of(const std::string& command) {
    if (command.find('/') != std::string::npos) return {command};
    std::vector<std::string> places;
    const std::string path = path_of_job();
    for (std::string_view directories = path; !directories.empty();) {
        const std::string_view directory = take_until(directories, ':');
        places.push_back(concat(directory.empty() ? "." : directory, "/", command));
    }
    return places;
}

bool is_absence(int error_number) {
    return error_number == ENOENT || error_number == ENOTDIR;
}

Failure not_found(const std::string& command) {
    const bool is_path = command.find('/') != std::string::npos;
    return {.step = Step::kStartCommand,
            .error_number = ENOENT,
            .call = "execve",
            .message = concat("the sandbox has no command '", command, "'",
                              is_path ? "" : concat(" in its PATH, '", path_of_job(), "'")),
            .hint =
                "a rootfs gets commands when it is built: vitrine rootfs build "
                "--with-command NAME -o DIR; then use --rootfs DIR"};
}

const char* reason_for(int error_number) {
    switch (error_number) {
        case ENOENT:
        case ENOTDIR:
            return "the loader or interpreter it asks for is not in the rootfs";
        case EACCES:
            return "only files of the rootfs with an x bit may be executed: nothing in /tmp, no "
                   "bind";
        case EPERM:
        case ENOSYS:
            return "the seccomp profile refuses execve";
        case ENOEXEC:
            return "it is no program for this machine; a script needs a '#!' line";
        default:
            return "";
    }
}

Failure not_executable(const std::string& path, int error_number) {
    return {.step = Step::kStartCommand,
            .error_number = error_number,
            .call = "execve",
            .message = concat("'", path, "' cannot be executed: ", errno_text(error_number)),
            .hint = reason_for(error_number)};
}

/// Replaces this process by the command, or says why not: the first place where there is such a
/// file decides, but for one that may not be executed, as execvp(3) has it.
Failure become(std::vector<std::string> words) {
    std::vector<char*> arguments;
    const std::string command = words.front();
    for (std::string& word : words)
        arguments.push_back(word.data());
    arguments.push_back(nullptr);
    Failure failure = not_found(command);
    if (command.empty()) return failure;
    for (const std::string& place : places_of(command)) {
        ::execve(place.c_str(), arguments.data(), environ);
        const int error_number = errno;
        const bool is_there = ::access(place.c_str(), F_OK) == 0;
        if (is_absence(error_number) && !is_there) continue;
        failure = not_executable(place, error_number);
        if (error_number != EACCES) break;
    }
    return failure;
}

void announce(int report_fd, bool is_held) {
    const std::int64_t now = sandbox::monotonic_ns();
    const python::Accepted accepted{
        .python_version = {}, .started_ns = now, .accepted_ns = now, .is_held = is_held};
    write_frame(report_fd, static_cast<std::uint32_t>(python::ClaimKind::kStarting),
                encode(accepted));
}

}  // namespace

void CommandGuest::start(std::string_view /*interpreter*/, sandbox::StartedFor /*what*/) {}

std::string CommandGuest::describe(std::string_view /*interpreter*/) const {
    return {};
}

void CommandGuest::warm_up(std::string_view /*preload*/) {
    throw Error("a command cannot be warmed up");
}

void CommandGuest::come_of_age(bool /*is_awaited*/) {}

void CommandGuest::set_environment(
    const std::vector<std::pair<std::string, std::string>>& environment) {
    check(::clearenv(), "emptying the environment", "clearenv");
    for (const auto& [name, value] : environment)
        check(::setenv(name.c_str(), value.c_str(), 1), "setting the environment", "setenv");
}

int CommandGuest::run(std::string_view program, int report_fd, int gate_fd) noexcept {
    try {
        Failure failure;
        try {
            std::vector<std::string> words = decode_command(program);
            announce(report_fd, gate_fd >= 0);
            if (gate_fd >= 0) python::pass_gate(gate_fd);
            failure = become(std::move(words));
        } catch (...) {
            failure = sandbox::failure_of_current_exception(Step::kStartCommand);
        }
        write_frame(report_fd, static_cast<std::uint32_t>(sandbox::ReportKind::kFailure),
                    encode(failure));
    } catch (...) {
        return kNotRunExit;  // The exit code is all that can still be said.
    }
    return kNotRunExit;
}

}  // namespace vitrine::runtime
