#include "support/terminal_session.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>

#include "base/error.h"
#include "support/vitrine_program.h"

namespace vitrine::test {

namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::chrono::seconds kPatience{30};

[[noreturn]] void become_vitrine(std::vector<std::string> words, int slave_fd) {
    ::setsid();
    ::ioctl(slave_fd, TIOCSCTTY, 0);
    for (const int fd : {0, 1, 2})
        ::dup2(slave_fd, fd);
    ::setenv("TERM", "xterm", 1);
    std::string program = vitrine_path();
    std::vector<char*> argv{program.data()};
    for (std::string& word : words)
        argv.push_back(word.data());
    argv.push_back(nullptr);
    ::execv(argv[0], argv.data());
    ::_exit(255);
}

}  // namespace

TerminalSession::TerminalSession(std::vector<std::string> words) {
    int master = -1;
    int slave = -1;
    const winsize size{.ws_row = 24, .ws_col = 80, .ws_xpixel = 0, .ws_ypixel = 0};
    check(::openpty(&master, &slave, nullptr, nullptr, &size), "making a terminal", "openpty");
    master_ = UniqueFd(master);
    slave_ = UniqueFd(slave);
    for (const int fd : {master, slave})
        (void)::fcntl(fd, F_SETFD, FD_CLOEXEC);
    before_ = settings();
    pid_ = check(::fork(), "starting vitrine", "fork");
    if (pid_ == 0) become_vitrine(std::move(words), slave);
}

TerminalSession::~TerminalSession() {
    if (pid_ <= 0) return;
    (void)::kill(pid_, SIGKILL);
    (void)::waitpid(pid_, nullptr, 0);
}

bool TerminalSession::read_some(int patience_ms) {
    // Of a terminal that is gone there is nothing to wait for but the time.
    pollfd event{master_.get(), POLLIN, 0};
    if (::poll(&event, 1, patience_ms) <= 0) return false;
    std::array<char, 4096> buffer;
    const ssize_t got = ::read(master_.get(), buffer.data(), buffer.size());
    if (got <= 0) return false;
    seen_.append(buffer.data(), static_cast<std::size_t>(got));
    return true;
}

bool TerminalSession::await(const std::string& text) {
    const auto deadline = SteadyClock::now() + kPatience * time_scale();
    while (SteadyClock::now() < deadline) {
        const std::size_t at = seen_.find(text, awaited_);
        if (at != std::string::npos) {
            awaited_ = at + text.size();
            return true;
        }
        if (!read_some(100) && ::waitpid(pid_, nullptr, WNOHANG | WNOWAIT) > 0 && !read_some(0)) {
            return seen_.find(text, awaited_) != std::string::npos;
        }
    }
    return false;
}

void TerminalSession::type(const std::string& keys) const {
    write_all(master_.get(), keys);
}

void TerminalSession::type_until_full(const std::string& keys) const {
    const int flags = ::fcntl(master_.get(), F_GETFL);
    (void)::fcntl(master_.get(), F_SETFL, flags | O_NONBLOCK);
    pollfd event{master_.get(), POLLOUT, 0};
    constexpr int kFullForMs = 200;
    while (::poll(&event, 1, kFullForMs) == 1 &&
           ::write(master_.get(), keys.data(), keys.size()) > 0) {
    }
    (void)::fcntl(master_.get(), F_SETFL, flags);
}

void TerminalSession::resize(unsigned short rows, unsigned short columns) const {
    const winsize size{.ws_row = rows, .ws_col = columns, .ws_xpixel = 0, .ws_ypixel = 0};
    check(::ioctl(master_.get(), TIOCSWINSZ, &size), "changing the window", "ioctl");
}

void TerminalSession::hang_up() {
    slave_.reset();
    master_.reset();
}

int TerminalSession::end() {
    const auto deadline = SteadyClock::now() + kPatience * time_scale();
    int status = 0;
    while (::waitpid(pid_, &status, WNOHANG) == 0) {
        (void)read_some(20);
        if (SteadyClock::now() > deadline) (void)::kill(pid_, SIGKILL);
    }
    pid_ = -1;
    while (read_some(0)) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

termios TerminalSession::settings() const {
    termios now{};
    check(::tcgetattr(slave_.get(), &now), "reading the settings", "tcgetattr");
    return now;
}

bool TerminalSession::is_as_before() const {
    const termios now = settings();
    return now.c_iflag == before_.c_iflag && now.c_oflag == before_.c_oflag &&
           now.c_cflag == before_.c_cflag && now.c_lflag == before_.c_lflag;
}

bool TerminalSession::is_raw() const {
    return (settings().c_lflag & (ICANON | ECHO | ISIG)) == 0;
}

std::string TerminalSession::unread() const {
    const int flags = ::fcntl(slave_.get(), F_GETFL);
    (void)::fcntl(slave_.get(), F_SETFL, flags | O_NONBLOCK);
    std::array<char, 4096> buffer;
    const ssize_t got = ::read(slave_.get(), buffer.data(), buffer.size());
    (void)::fcntl(slave_.get(), F_SETFL, flags);
    return {buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0))};
}

}  // namespace vitrine::test
