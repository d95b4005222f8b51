// Terminals: raw mode, window sizes, the two ends of a pseudo-terminal. termios(3), tty_ioctl(4).
#pragma once

#include <sys/ioctl.h>
#include <termios.h>

namespace vitrine::kernel {

/// While it lives, the terminal hands every key on as it is and echoes none. At its end it is as it
/// was before, and what was typed ahead is forgotten: it may be a terminal's answer to what a job
/// wrote, and is not for the caller's shell.
class RawTerminal {
  public:
    /// Borrows a terminal. Throws SystemError.
    explicit RawTerminal(int terminal_fd);
    ~RawTerminal();
    RawTerminal(const RawTerminal&) = delete;
    RawTerminal& operator=(const RawTerminal&) = delete;

    /// Makes it raw again, where somebody has changed it meanwhile.
    void renew() const;

  private:
    int terminal_fd_;
    termios before_{};
};

/// Rows and columns; all 0 where `terminal_fd` is none.
winsize window_size(int terminal_fd);
/// The terminal's foreground processes hear of it. A terminal that is gone is not an error.
void set_window_size(int terminal_fd, const winsize& size);

/// The slave takes its input for UTF-8 when it rubs characters out.
void set_utf8_input(int slave_fd);

}  // namespace vitrine::kernel
