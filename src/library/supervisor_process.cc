#include "library/supervisor_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include "base/error.h"
#include "kernel/pidfd.h"
#include "library/messages.h"

namespace vitrine::library {

namespace {

/// posix_spawn's functions return errno values.
void check_spawn(int error_number, const std::string& intent, const char* call) {
    if (error_number != 0) throw SystemError(intent, call, error_number);
}

struct FileActions {
    FileActions() {
        check_spawn(::posix_spawn_file_actions_init(&actions), "starting the supervisor",
                    "posix_spawn_file_actions_init");
    }
    ~FileActions() { ::posix_spawn_file_actions_destroy(&actions); }
    FileActions(const FileActions&) = delete;
    FileActions& operator=(const FileActions&) = delete;

    posix_spawn_file_actions_t actions{};
};

struct Attributes {
    Attributes() {
        check_spawn(::posix_spawnattr_init(&attributes), "starting the supervisor",
                    "posix_spawnattr_init");
    }
    ~Attributes() { ::posix_spawnattr_destroy(&attributes); }
    Attributes(const Attributes&) = delete;
    Attributes& operator=(const Attributes&) = delete;

    posix_spawnattr_t attributes{};
};

/// The socket first: its number may be one of those that are opened after it.
void set_files(FileActions& files, int socket_fd) {
    auto* actions = &files.actions;
    int failed = ::posix_spawn_file_actions_adddup2(actions, socket_fd, kSocketFd);
    for (int fd = 0; fd <= STDERR_FILENO && failed == 0; ++fd) {
        failed = ::posix_spawn_file_actions_addopen(actions, fd, "/dev/null", O_RDWR, 0);
    }
    if (failed == 0) failed = ::posix_spawn_file_actions_addclosefrom_np(actions, kSocketFd + 1);
    check_spawn(failed, "starting the supervisor", "posix_spawn_file_actions");
}

/// What a terminal or a signal mask of ours means is nothing to it.
void set_attributes(Attributes& attributes) {
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    int failed = ::posix_spawnattr_setsigmask(&attributes.attributes, &none);
    if (failed == 0) failed = ::posix_spawnattr_setsigdefault(&attributes.attributes, &all);
    if (failed == 0) {
        failed = ::posix_spawnattr_setflags(&attributes.attributes, POSIX_SPAWN_SETSIGMASK |
                                                                        POSIX_SPAWN_SETSIGDEF |
                                                                        POSIX_SPAWN_SETSID);
    }
    check_spawn(failed, "starting the supervisor", "posix_spawnattr");
}

pid_t spawn(const std::string& program, int socket_fd) {
    FileActions files;
    Attributes attributes;
    set_files(files, socket_fd);
    set_attributes(attributes);
    std::array<std::string, 4> words{program, kVerb, build_id(), std::to_string(::getpid())};
    const std::array<char*, 5> argv{words[0].data(), words[1].data(), words[2].data(),
                                    words[3].data(), nullptr};
    pid_t pid = -1;
    check_spawn(::posix_spawn(&pid, program.c_str(), &files.actions, &attributes.attributes,
                              argv.data(), environ),
                concat("starting the supervisor '", program, "'"), "posix_spawn");
    return pid;
}

}  // namespace

SupervisorProcess::SupervisorProcess(const std::string& program) {
    std::array<int, 2> ends{};
    check(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()),
          "starting the supervisor", "socketpair");
    socket_ = UniqueFd(ends[0]);
    const UniqueFd theirs(ends[1]);
    check(::fcntl(socket_.get(), F_SETFL, O_NONBLOCK), "starting the supervisor", "fcntl(F_SETFL)");
    const pid_t starter = spawn(program, theirs.get());
    // Gone already, and reaped by somebody else in this process: then it has done its work.
    starter_ = kernel::open_pidfd(starter);
}

SupervisorProcess::~SupervisorProcess() {
    if (!has_ended_) kill();
    reap_starter();
    // Where this process is the init of a container or a subreaper, it inherits its supervisor.
    if (pid_ > 0) (void)::waitpid(pid_, nullptr, WNOHANG);
}

void SupervisorProcess::introduce(pid_t pid) {
    reap_starter();
    pid_ = pid;
    supervisor_ = kernel::open_pidfd(pid);
    char byte = 0;
    // At end of file the number could be another's already.
    if (::recv(socket_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0) supervisor_.reset();
}

void SupervisorProcess::kill() noexcept {
    // Whatever was spawned has not forked yet, or it is no supervisor.
    const UniqueFd& target = supervisor_ ? supervisor_ : starter_;
    if (target) kernel::kill_process(target.get());
}

/// It ends as soon as it has forked. ECHILD: this process ignores its children, or somebody in it
/// waits for any.
void SupervisorProcess::reap_starter() noexcept {
    if (!starter_) return;
    siginfo_t info{};
    while (::waitid(P_PIDFD, static_cast<id_t>(starter_.get()), &info, WEXITED) < 0 &&
           errno == EINTR) {
    }
    starter_.reset();
}

}  // namespace vitrine::library
