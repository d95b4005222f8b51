#include "batch/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include "base/error.h"
#include "batch/words.h"

namespace vitrine::batch {

namespace {

constexpr std::chrono::milliseconds kRedrawn{100};
constexpr std::chrono::seconds kLogged{5};
constexpr std::size_t kLeastWidth = 20;
constexpr std::size_t kUsualWidth = 80;

std::size_t width_of(int terminal_fd) {
    winsize size{};
    if (::ioctl(terminal_fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kUsualWidth;
    return std::max<std::size_t>(size.ws_col, kLeastWidth);
}

/// A terminal that is gone, or does not read, is no reason to stop.
void show(int terminal_fd, const std::string& text) {
    (void)!::write(terminal_fd, text.data(), text.size());
}

}  // namespace

std::string progress_text(const Standing& standing, const Statistics& statistics,
                          std::optional<double> share) {
    const std::chrono::duration<double> elapsed = statistics.elapsed();
    const auto finished = static_cast<double>(standing.finished);
    const double rate = elapsed.count() > 0 ? finished / elapsed.count() : 0;
    std::string text;
    double part = 0;
    if (share && standing.taken > 0) {
        part = *share * finished / static_cast<double>(standing.taken);
        text = concat(static_cast<int>(part * 100), " %  ");
    }
    text += concat(grouped(standing.finished), " done, ", grouped(statistics.failed()), " failed, ",
                   grouped(standing.running), " running, ", rate_text(rate), "/s");
    if (part > 0) text += concat(", ETA ", clock_text(elapsed * ((1 - part) / part)));
    return text;
}

Progress::Progress(Form form, int terminal_fd, const Log& log)
    : form_(form),
      terminal_fd_(terminal_fd),
      log_(log),
      // The first line comes soon on a terminal; elsewhere only when it takes a while.
      next_(Clock::now() + (form == Form::kLive ? Clock::duration(kRedrawn) : kLogged)) {}

Progress::~Progress() {
    clear();
}

void Progress::tick(const Standing& standing, const Statistics& statistics,
                    std::optional<double> share) {
    if (form_ == Form::kNone) return;
    const Clock::time_point now = Clock::now();
    if (now < next_) return;
    const std::string text = progress_text(standing, statistics, share);
    if (form_ == Form::kLive) {
        next_ = now + kRedrawn;
        draw(text);
    } else {
        next_ = now + kLogged;
        log_.info(text);
    }
}

void Progress::draw(const std::string& text) {
    // The last column stays empty: some terminals wrap when it is written.
    show(terminal_fd_, concat("\r", text.substr(0, width_of(terminal_fd_) - 1), "\x1b[K"));
    is_drawn_ = true;
}

void Progress::clear() {
    if (is_drawn_) show(terminal_fd_, "\r\x1b[K");
    is_drawn_ = false;
}

}  // namespace vitrine::batch
