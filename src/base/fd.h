// Owned file descriptors, and the few ways of making and using them that every room needs.
//
// Every descriptor is close-on-exec from birth. A raw `int` that crosses a function boundary is
// borrowed and its name ends in `_fd`.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vitrine {

/// Owns one descriptor and closes it. Move-only; -1 means "none".
class UniqueFd {
  public:
    UniqueFd() = default;
    explicit UniqueFd(int fd) noexcept : fd_(fd) {}
    UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
    UniqueFd& operator=(UniqueFd&& other) noexcept {
        if (this != &other) reset(other.release());
        return *this;
    }
    UniqueFd(const UniqueFd&) = delete;
    UniqueFd& operator=(const UniqueFd&) = delete;
    ~UniqueFd() { reset(); }

    int get() const noexcept { return fd_; }
    explicit operator bool() const noexcept { return fd_ >= 0; }
    /// Gives up ownership.
    [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }
    /// Closes what is held (ignoring the error: there is nothing to flush) and takes `fd`.
    void reset(int fd = -1) noexcept;

  private:
    int fd_ = -1;
};

/// Both ends of a pipe(2).
struct Pipe {
    UniqueFd read_end;
    UniqueFd write_end;
};

/// Both ends of an AF_UNIX SOCK_SEQPACKET pair: messages keep their boundaries.
struct SocketPair {
    UniqueFd ours;
    UniqueFd theirs;
};

Pipe make_pipe();

/// A pipe made of sockets, which nobody can open again through /proc, and which carries bytes from
/// `write_end` to `read_end` alone: whoever holds the writing end can read nothing back.
Pipe make_one_way_socket();
SocketPair make_socket_pair();

/// Opens `path`; O_CLOEXEC is added. Throws SystemError naming the path.
UniqueFd open_file(const std::string& path, int flags, unsigned mode = 0);

/// A second descriptor for the same open file, above 2.
UniqueFd duplicate(int source_fd);

/// An anonymous in-memory file that holds `content` and can never change again (all write seals
/// set), positioned at 0. `name` shows in /proc/PID/maps only.
UniqueFd make_sealed_memfd(const char* name, std::span<const std::byte> content);

/// Its content, without moving the offset that it may share with others. Throws SystemError, or
/// Error where it is not all there.
std::string read_sealed_memfd(int fd);

/// Writes everything, riding over EINTR and short writes, and waiting where a non-blocking
/// descriptor has no room. Throws SystemError.
void write_all(int target_fd, std::span<const std::byte> bytes);
void write_all(int target_fd, std::string_view text);

/// Reads to end of file. Throws Error once more than `max_bytes` have come.
std::string read_all(int source_fd, std::size_t max_bytes);

/// What a seqpacket socket carried: one message and the descriptors sent with it.
struct Message {
    std::vector<std::byte> bytes;
    std::vector<UniqueFd> fds;
};

/// Sends one message with copies of `fds` (SCM_RIGHTS). Throws SystemError.
void send_message(int socket_fd, std::span<const std::byte> bytes, std::span<const int> fds = {});

/// Receives one message of at most `max_bytes` and at most `max_fds` descriptors. An empty `bytes`
/// means the peer is gone. Throws SystemError, or Error when the message was cut.
Message receive_message(int socket_fd, std::size_t max_bytes, std::size_t max_fds);

}  // namespace vitrine
