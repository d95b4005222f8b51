// every-call FILTER LAST: makes every system call from 0 to LAST, each in a process of its own
// under the filter in the file FILTER, with zeros for arguments, and prints what came of it:
//
//   0 errno 14        it came back with that errno (0: it worked)
//   34 waits          it did not come back in time
//   60 ends           it ended the process, or took it somewhere else
//   15 signal 11      it ended by that signal
//
// Static and without privilege, so that nothing stands between the call and the kernel's answer.

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

namespace {

constexpr unsigned kNobody = 65534;
constexpr int kPatienceMs = 1500;
constexpr int kNoAnswer = -1;
constexpr std::size_t kMostInstructions = 4096;

sock_filter program[kMostInstructions];

[[noreturn]] void fail(const char* doing) {
    std::perror(doing);
    std::exit(1);
}

unsigned short read_program(const char* path) {
    const int file = ::open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t bytes = file < 0 ? -1 : ::read(file, program, sizeof program);
    if (bytes <= 0) fail(path);
    return static_cast<unsigned short>(static_cast<std::size_t>(bytes) / sizeof(sock_filter));
}

/// In the child. The answer is stored, not sent: the call may have taken every other way away.
[[noreturn]] void call(long number, unsigned short length, std::atomic<int>& answer) {
    const int nothing = ::open("/dev/null", O_RDWR);
    for (int fd = 0; fd < 3; ++fd)
        ::dup2(nothing, fd);
    // A group of its own: kill(0) reaches nobody else.
    ::setpgid(0, 0);
    const sock_fprog filter{.len = length, .filter = program};
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) != 0) ::_exit(2);
    errno = 0;
    const long result = ::syscall(number, 0, 0, 0, 0, 0, 0);
    answer = result == -1 ? errno : 0;
    ::_exit(0);
}

/// False when it took too long, and was killed.
bool end_in_time(pid_t child, int& status) {
    const int handle = static_cast<int>(::syscall(SYS_pidfd_open, child, 0));
    pollfd event{.fd = handle, .events = POLLIN, .revents = 0};
    bool in_time = ::poll(&event, 1, kPatienceMs) == 1;
    if (!in_time) ::kill(child, SIGKILL);
    // A child that asked to be traced stops before it ends.
    while (::waitpid(child, &status, 0) == child && WIFSTOPPED(status))
        ::kill(child, SIGKILL);
    ::close(handle);
    return in_time;
}

void try_call(long number, unsigned short length, std::atomic<int>& answer) {
    answer = kNoAnswer;
    const pid_t child = ::fork();
    if (child < 0) fail("fork");
    if (child == 0) call(number, length, answer);
    int status = 0;
    const bool in_time = end_in_time(child, status);
    // What the call left behind: children of fork and its like.
    ::kill(-child, SIGKILL);
    if (answer != kNoAnswer) {
        std::printf("%ld errno %d\n", number, answer.load());
    } else if (!in_time) {
        std::printf("%ld waits\n", number);
    } else if (WIFSIGNALED(status)) {
        std::printf("%ld signal %d\n", number, WTERMSIG(status));
    } else if (WEXITSTATUS(status) == 0) {
        std::printf("%ld ends\n", number);
    } else {
        std::printf("%ld unfiltered\n", number);
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        std::fputs("usage: every-call FILTER LAST\n", stderr);
        return 2;
    }
    const unsigned short length = read_program(argv[1]);
    if (::geteuid() == 0 && (::setresgid(kNobody, kNobody, kNobody) != 0 ||
                             ::setresuid(kNobody, kNobody, kNobody) != 0)) {
        fail("giving up root");
    }
    void* shared = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) fail("mmap");
    auto* answer = new (shared) std::atomic<int>(kNoAnswer);
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    const long last = std::strtol(argv[2], nullptr, 10);
    for (long number = 0; number <= last; ++number)
        try_call(number, length, *answer);
}
