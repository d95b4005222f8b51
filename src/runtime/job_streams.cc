#include "runtime/job_streams.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "base/error.h"

namespace vitrine::runtime {

namespace {

constexpr std::size_t kReadSize = 65536;

void set_nonblocking(int fd) {
    check(::fcntl(fd, F_SETFL, O_NONBLOCK), "preparing a pipe", "fcntl(F_SETFL)");
}

/// A standard stream that was closed when we were started takes nothing: it is nowhere, and cannot
/// be waited for.
int where_it_can_go(int target_fd) {
    const int mode = ::fcntl(target_fd, F_GETFL);
    const bool is_writable = mode >= 0 && (mode & O_PATH) == 0 && (mode & O_ACCMODE) != O_RDONLY;
    return is_writable ? target_fd : -1;
}

}  // namespace

OutputStream::OutputStream(EventLoop& loop, UniqueFd pipe, int target_fd, const Limits& limits,
                           std::function<void()> on_overflow, Shown shown)
    : loop_(loop),
      pipe_(std::move(pipe)),
      shown_(shown),
      capture_(limits.max_output_bytes, limits.output_keep),
      forwarder_(where_it_can_go(target_fd), shown),
      watched_target_fd_(where_it_can_go(target_fd)),
      on_overflow_(std::move(on_overflow)) {
    set_nonblocking(pipe_.get());
    loop_.watch(pipe_.get(), EPOLLIN, [this] { pump(); });
    if (watched_target_fd_ >= 0) loop_.watch(watched_target_fd_, 0, [this] { forward(); });
}

OutputStream::~OutputStream() {
    if (pipe_) loop_.forget(pipe_.get());
    if (watched_target_fd_ >= 0) loop_.forget(watched_target_fd_);
}

void OutputStream::pump() {
    (void)read_once();
    arm();
    if (capture_.is_over_limit()) on_overflow_();
}

/// False when there is nothing to read now.
bool OutputStream::read_once() {
    std::array<char, kReadSize> buffer;
    const ssize_t got = ::read(pipe_.get(), buffer.data(), buffer.size());
    if (got == 0) {
        loop_.forget(pipe_.get());
        pipe_.reset();
    }
    if (got <= 0) return false;
    const std::string_view bytes(buffer.data(), static_cast<std::size_t>(got));
    const std::string_view head = capture_.feed(bytes);
    forwarder_.push(shown_ == Shown::kScreen ? bytes : head);
    return true;
}

bool OutputStream::comes_to_end() {
    // What a pipe holds, and the end: whoever writes on must not keep us.
    constexpr int kReads = 4;
    for (int i = 0; i < kReads && pipe_ && read_once(); ++i) {
    }
    arm();
    return !pipe_;
}

void OutputStream::forward() {
    forwarder_.write_some();
    arm();
    if (on_handed_on_ && !forwarder_.has_pending()) std::exchange(on_handed_on_, nullptr)();
}

void OutputStream::arm() {
    if (pipe_) loop_.change(pipe_.get(), forwarder_.is_full() ? 0U : EPOLLIN);
    if (watched_target_fd_ >= 0) {
        loop_.change(watched_target_fd_, forwarder_.has_pending() ? EPOLLOUT : 0U);
    }
}

void OutputStream::finish(std::function<void()> on_handed_on) {
    while (pipe_ && read_once()) {
    }
    if (pipe_) loop_.forget(pipe_.get());
    pipe_.reset();
    if (shown_ == Shown::kText) forwarder_.push(capture_.tail());
    forwarder_.finish();
    arm();
    if (!forwarder_.has_pending()) return on_handed_on();
    on_handed_on_ = std::move(on_handed_on);
}

void OutputStream::drop() {
    forwarder_.drop();
    arm();
    if (on_handed_on_) std::exchange(on_handed_on_, nullptr)();
}

InputStream::InputStream(EventLoop& loop, UniqueFd pipe, int source_fd,
                         std::function<void(std::string_view)> on_input)
    : loop_(loop), pipe_(std::move(pipe)), source_fd_(source_fd), on_input_(std::move(on_input)) {
    if (source_fd_ < 0) {
        pipe_.reset();
        return;
    }
    set_nonblocking(pipe_.get());
    loop_.watch(pipe_.get(), 0, [this] { feed(); });
    loop_.watch(source_fd_, EPOLLIN, [this] { read_source(); });
}

InputStream::~InputStream() {
    close();
}

void InputStream::read_source() {
    std::array<char, kReadSize> buffer;
    const ssize_t got = ::read(source_fd_, buffer.data(), buffer.size());
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) return close();
    pending_.assign(buffer.data(), static_cast<std::size_t>(got));
    if (on_input_) on_input_(pending_);
    loop_.change(source_fd_, 0);
    loop_.change(pipe_.get(), EPOLLOUT);
}

void InputStream::feed() {
    const ssize_t written = ::write(pipe_.get(), pending_.data(), pending_.size());
    if (written < 0) {
        // Anything else: the job closed its end.
        if (errno != EAGAIN && errno != EINTR) close();
        return;
    }
    pending_.erase(0, static_cast<std::size_t>(written));
    if (!pending_.empty()) return;
    loop_.change(pipe_.get(), 0);
    loop_.change(source_fd_, EPOLLIN);
}

void InputStream::close() {
    if (!pipe_) return;
    loop_.forget(pipe_.get());
    loop_.forget(source_fd_);
    pipe_.reset();
}

}  // namespace vitrine::runtime
