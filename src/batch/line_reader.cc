#include "batch/line_reader.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace vitrine::batch {

namespace {

constexpr std::size_t kBufferBytes = std::size_t{1} << 18;

}  // namespace

LineReader::LineReader(int input_fd, std::size_t max_line_bytes)
    : input_fd_(input_fd), max_line_bytes_(max_line_bytes), buffer_(kBufferBytes) {}

LineReader::Outcome LineReader::next(std::string& line) {
    for (;;) {
        const auto from = buffer_.begin() + static_cast<std::ptrdiff_t>(start_);
        const auto to = buffer_.begin() + static_cast<std::ptrdiff_t>(end_);
        const auto newline = std::find(from, to, '\n');
        keep(static_cast<std::size_t>(newline - buffer_.begin()));
        if (newline != to) {
            ++start_;
            ++bytes_taken_;
            return finish(line, true);
        }
        const Filled filled = fill();
        if (filled == Filled::kNotYet) return Outcome::kNotYet;
        if (filled == Filled::kEnd) return has_started_ ? finish(line, false) : Outcome::kEnd;
    }
}

/// Moves the buffer up to `end` to the line; of one that is too long, nothing.
void LineReader::keep(std::size_t end) {
    const std::size_t count = end - start_;
    is_too_long_ = is_too_long_ || partial_.size() + count > max_line_bytes_;
    if (is_too_long_) {
        partial_ = {};
    } else {
        partial_.append(buffer_.data() + start_, count);
    }
    has_started_ = has_started_ || count > 0;
    bytes_taken_ += count;
    start_ = end;
}

LineReader::Outcome LineReader::finish(std::string& line, bool has_newline) {
    ++number_;
    ended_with_newline_ = has_newline;
    has_started_ = false;
    line = std::exchange(partial_, {});
    return std::exchange(is_too_long_, false) ? Outcome::kTooLong : Outcome::kLine;
}

LineReader::Filled LineReader::fill() {
    pollfd event{input_fd_, POLLIN, 0};
    if (::poll(&event, 1, 0) == 0) return Filled::kNotYet;
    const ssize_t got = ::read(input_fd_, buffer_.data(), buffer_.size());
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return Filled::kNotYet;
    check(got, "reading the input", "read");
    start_ = 0;
    end_ = static_cast<std::size_t>(got);
    return got == 0 ? Filled::kEnd : Filled::kMore;
}

}  // namespace vitrine::batch
