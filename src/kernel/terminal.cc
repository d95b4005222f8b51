#include "kernel/terminal.h"

#include <poll.h>
#include <unistd.h>

#include <array>

#include "base/error.h"

namespace vitrine::kernel {

namespace {

/// A pasted page is more than the 4 KiB that TCSAFLUSH knows of; what waits behind them comes when
/// there is room. Bounded: somebody may hold a key down.
void forget_typed(int terminal_fd) {
    constexpr int kMostReads = 256;
    constexpr int kRefillMs = 10;
    std::array<char, 4096> buffer;
    pollfd event{terminal_fd, POLLIN, 0};
    int patience_ms = 0;
    for (int i = 0; i < kMostReads && ::poll(&event, 1, patience_ms) == 1; ++i) {
        if (::read(terminal_fd, buffer.data(), buffer.size()) <= 0) return;
        patience_ms = kRefillMs;
    }
}

}  // namespace

RawTerminal::RawTerminal(int terminal_fd) : terminal_fd_(terminal_fd) {
    check(::tcgetattr(terminal_fd_, &before_), "reading the terminal's settings", "tcgetattr");
    renew();
}

RawTerminal::~RawTerminal() {
    forget_typed(terminal_fd_);
    (void)::tcsetattr(terminal_fd_, TCSAFLUSH, &before_);
}

void RawTerminal::renew() const {
    termios raw = before_;
    ::cfmakeraw(&raw);
    check(::tcsetattr(terminal_fd_, TCSADRAIN, &raw), "making the terminal raw", "tcsetattr");
}

winsize window_size(int terminal_fd) {
    winsize size{};
    if (::ioctl(terminal_fd, TIOCGWINSZ, &size) != 0) return {};
    return size;
}

void set_window_size(int terminal_fd, const winsize& size) {
    (void)::ioctl(terminal_fd, TIOCSWINSZ, &size);
}

void set_utf8_input(int slave_fd) {
    termios settings{};
    check(::tcgetattr(slave_fd, &settings), "reading the terminal's settings", "tcgetattr");
    settings.c_iflag |= IUTF8;
    check(::tcsetattr(slave_fd, TCSANOW, &settings), "setting up the job's terminal", "tcsetattr");
}

}  // namespace vitrine::kernel
