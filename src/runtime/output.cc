#include "runtime/output.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace vitrine::runtime {

namespace {

constexpr std::uint64_t kMaxTail = 65536;
/// A write of this size to a pipe that poll(2) calls writable does not block (PIPE_BUF).
constexpr std::size_t kAtomicWrite = 4096;

std::uint64_t tail_size(std::uint64_t max_bytes, OutputKeep keep) {
    switch (keep) {
        case OutputKeep::kHead:
            return 0;
        case OutputKeep::kTail:
            return max_bytes;
        case OutputKeep::kBoth:
            break;
    }
    return std::min(kMaxTail, max_bytes / 4);
}

}  // namespace

Capture::Capture(std::uint64_t max_bytes, OutputKeep keep)
    : max_bytes_(max_bytes),
      head_limit_(max_bytes - tail_size(max_bytes, keep)),
      tail_limit_(max_bytes - head_limit_) {}

std::string_view Capture::feed(std::string_view bytes) {
    total_ += bytes.size();
    const std::size_t room = head_limit_ - head_.size();
    const std::string_view shown = bytes.substr(0, std::min(room, bytes.size()));
    head_ += shown;
    tail_ += bytes.substr(shown.size());
    // Cut rarely, so that a flood costs one copy per tail, not one per read.
    if (tail_.size() > 2 * tail_limit_ + kMaxTail) tail_.erase(0, tail_.size() - tail_limit_);
    return shown;
}

std::string Capture::tail() const {
    if (!is_over_limit()) return tail_;
    const std::uint64_t left_out = total_ - head_.size() - tail_limit_;
    return concat(head_.empty() ? "" : "\n", "[vitrine: ", left_out, " bytes left out]\n",
                  std::string_view(tail_).substr(tail_.size() - tail_limit_));
}

Output Capture::output() const {
    return {.bytes = head_ + tail(),
            .bytes_total = total_,
            .bytes_kept = std::min(total_, max_bytes_),
            .truncated = is_over_limit()};
}

std::string TerminalFilter::filter(std::string_view bytes) {
    std::string out;
    out.reserve(bytes.size());
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        if (std::exchange(after_c2_, false)) {
            if (byte >= 0x80 && byte < 0xa0) {
                out.push_back('?');
                continue;
            }
            out.push_back('\xc2');  // Held back until what follows was known.
        }
        if (byte == 0xc2) {
            after_c2_ = true;
        } else if (byte == 0x7f || (byte < 0x20 && c != '\n' && c != '\t' && c != '\r')) {
            out.push_back('^');
            out.push_back(static_cast<char>(byte ^ 0x40U));
        } else {
            out.push_back(c);
        }
    }
    return out;
}

Forwarder::Forwarder(int target_fd, Shown shown)
    : target_fd_(target_fd),
      is_terminal_(target_fd >= 0 && ::isatty(target_fd) == 1),
      shown_(shown) {}

void Forwarder::push(std::string_view bytes) {
    if (target_fd_ < 0) return;
    if (!is_terminal_) {
        pending_ += bytes;
    } else {
        pending_ += shown_ == Shown::kScreen ? screen_.filter(bytes) : filter_.filter(bytes);
    }
}

void Forwarder::finish() {
    if (target_fd_ >= 0) pending_ += screen_.undo();
}

void Forwarder::write_some() {
    const ssize_t written =
        ::write(target_fd_, pending_.data(), std::min(pending_.size(), kAtomicWrite));
    if (written > 0) {
        pending_.erase(0, static_cast<std::size_t>(written));
    } else if (written < 0 && errno != EINTR && errno != EAGAIN) {
        drop();  // Whoever read our output is gone; the job need not know.
    }
}

void Forwarder::drop() {
    pending_.clear();
    target_fd_ = -1;
}

}  // namespace vitrine::runtime
