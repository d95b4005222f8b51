#include "kernel/terminal.h"

#include "base/error.h"

namespace vitrine::kernel {

RawTerminal::RawTerminal(int terminal_fd) : terminal_fd_(terminal_fd) {
    check(::tcgetattr(terminal_fd_, &before_), "reading the terminal's settings", "tcgetattr");
    renew();
}

RawTerminal::~RawTerminal() {
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
