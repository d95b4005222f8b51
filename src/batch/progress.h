// How far a batch is, on stderr while it runs.
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "batch/loop.h"
#include "batch/statistics.h"

namespace vitrine::batch {

/// One line: what is done, what failed, what runs, how fast, how long it will take. `share` of the
/// input has been taken, where that is known.
std::string progress_text(const Standing& standing, const Statistics& statistics,
                          std::optional<double> share);

class Progress {
  public:
    enum class Form {
        kNone,
        kLive,   ///< One line of a terminal, drawn again and again.
        kLines,  ///< A line of the log every few seconds.
    };

    /// Everything is borrowed.
    Progress(Form form, int terminal_fd, const Log& log);
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    /// Draws when it is time to.
    void tick(const Standing& standing, const Statistics& statistics, std::optional<double> share);

    /// Takes the line away: somebody else is going to write to the terminal.
    void clear();

  private:
    void draw(const std::string& text);

    Form form_;
    int terminal_fd_;
    const Log& log_;
    Clock::time_point next_;
    bool is_drawn_ = false;
};

}  // namespace vitrine::batch
