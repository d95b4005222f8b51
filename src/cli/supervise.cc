#include "cli/supervise.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/units.h"
#include "library/messages.h"
#include "library/server.h"

namespace vitrine::cli {

namespace {

constexpr int kRefusedExit = 125;
constexpr std::uint64_t kMaxPid = 4194304;

constexpr const char* kHelp =
    R"(vitrine supervise: run jobs for a program that uses libvitrine.

Started by the library, with a socket as descriptor 3; there is nothing here for people.
docs/library.md tells how a program runs jobs.
)";

bool is_socket(int fd) {
    struct stat info{};
    return ::fstat(fd, &info) == 0 && S_ISSOCK(info.st_mode);
}

UniqueFd take_socket(std::span<const std::string> words) {
    if (words.size() != 2 || !is_socket(library::kSocketFd)) {
        throw UsageError("this is started by libvitrine, with a socket as descriptor 3",
                         "to run programs by hand: vitrine run, vitrine batch");
    }
    UniqueFd socket(library::kSocketFd);
    check(::fcntl(socket.get(), F_SETFD, FD_CLOEXEC), "keeping the socket", "fcntl(F_SETFD)");
    return socket;
}

void check_build(const std::string& build) {
    if (build == library::build_id()) return;
    throw Error(concat("libvitrine is of another build than '", VITRINE_VERSION, "', its vitrine"),
                "restart the program: one of the two was replaced while it ran");
}

}  // namespace

int supervise_command(std::span<const std::string> words) {
    if (!words.empty() && (words[0] == "--help" || words[0] == "-h")) {
        write_all(STDOUT_FILENO, kHelp);
        return 0;
    }
    UniqueFd socket = take_socket(words);
    const UniqueFd for_refusal = duplicate(socket.get());
    try {
        check_build(words[0]);
        UniqueFd program =
            library::open_parent(static_cast<pid_t>(parse_integer(words[1], 1, kMaxPid)));
        if (!program) return 0;
        // The program waits for this process alone: its supervisor is nobody's child.
        if (check(::fork(), "starting the supervisor", "fork") != 0) ::_exit(0);
        library::serve(std::move(socket), std::move(program));
        return 0;
    } catch (const Error& error) {
        library::refuse(for_refusal.get(), error);
        return kRefusedExit;
    }
}

}  // namespace vitrine::cli
