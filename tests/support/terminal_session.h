// vitrine on a terminal of its own, with somebody who types.
#pragma once

#include <sys/types.h>
#include <termios.h>

#include <string>
#include <vector>

#include "base/fd.h"

namespace vitrine::test {

/// What is typed and seen is the outer terminal's; it has 24 rows and 80 columns at first.
class TerminalSession {
  public:
    /// Starts `vitrine WORDS...`.
    explicit TerminalSession(std::vector<std::string> words);
    /// Kills what is left.
    ~TerminalSession();
    TerminalSession(const TerminalSession&) = delete;
    TerminalSession& operator=(const TerminalSession&) = delete;

    /// Reads until `text` was seen beyond what an earlier call waited for. False when it was not
    /// within a while, or the end came before.
    bool await(const std::string& text);
    void type(const std::string& keys) const;
    /// The same again and again, until nobody takes any more.
    void type_until_full(const std::string& keys) const;
    void resize(unsigned short rows, unsigned short columns) const;
    /// The terminal is gone, as when its window is closed.
    void hang_up();
    /// Reads to the end and returns vitrine's exit code, or 128+N. Kills it when that takes long.
    int end();

    pid_t pid() const noexcept { return pid_; }
    const std::string& seen() const noexcept { return seen_; }
    /// Whether it echoes and edits lines, as it did when it was made.
    bool is_as_before() const;
    bool is_raw() const;
    /// What was typed and nobody has read.
    std::string unread() const;

  private:
    bool read_some(int patience_ms);
    termios settings() const;

    UniqueFd master_;
    UniqueFd slave_;  ///< The settings live as long as somebody has it open.
    pid_t pid_ = -1;
    termios before_{};
    std::string seen_;
    std::size_t awaited_ = 0;
};

}  // namespace vitrine::test
