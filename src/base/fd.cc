#include "base/fd.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <memory>

#include "base/error.h"

namespace vitrine {

namespace {

constexpr std::size_t kMaxFdsPerMessage = 128;

/// For a descriptor that somebody else made non-blocking. An error is the next write's to tell.
void wait_for_room(int target_fd) {
    pollfd event{target_fd, POLLOUT, 0};
    (void)::poll(&event, 1, -1);
}

}  // namespace

void UniqueFd::reset(int fd) noexcept {
    if (fd_ >= 0) (void)::close(fd_);
    fd_ = fd;
}

Pipe make_pipe() {
    std::array<int, 2> ends{};
    check(::pipe2(ends.data(), O_CLOEXEC), "making a pipe", "pipe2");
    return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

Pipe make_one_way_socket() {
    std::array<int, 2> ends{};
    constexpr std::string_view kIntent = "making a one-way socket";
    check(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), kIntent, "socketpair");
    Pipe pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
    check(::shutdown(pipe.read_end.get(), SHUT_WR), kIntent, "shutdown");
    return pipe;
}

SocketPair make_socket_pair() {
    std::array<int, 2> ends{};
    check(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()),
          "making a control socket", "socketpair");
    return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

UniqueFd open_file(const std::string& path, int flags, unsigned mode) {
    const int fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
    if (fd < 0) throw SystemError(concat("opening '", path, "'"), "open");
    return UniqueFd(fd);
}

UniqueFd duplicate(int source_fd) {
    return UniqueFd(check(::fcntl(source_fd, F_DUPFD_CLOEXEC, 3), "duplicating a descriptor",
                          "fcntl(F_DUPFD_CLOEXEC)"));
}

UniqueFd make_sealed_memfd(const char* name, std::span<const std::byte> content) {
    UniqueFd file(check(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING),
                        "making an in-memory file", "memfd_create"));
    write_all(file.get(), content);
    check(::lseek(file.get(), 0, SEEK_SET), "rewinding an in-memory file", "lseek");
    check(::fcntl(file.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK),
          "sealing an in-memory file", "fcntl(F_ADD_SEALS)");
    return file;
}

std::string read_sealed_memfd(int fd) {
    struct stat info{};
    check(::fstat(fd, &info), "reading an in-memory file", "fstat");
    std::string bytes(static_cast<std::size_t>(info.st_size), '\0');
    const ssize_t got =
        check(::pread(fd, bytes.data(), bytes.size(), 0), "reading an in-memory file", "pread");
    if (static_cast<std::size_t>(got) != bytes.size()) {
        throw Error("an in-memory file is cut short");
    }
    return bytes;
}

void write_all(int target_fd, std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(target_fd, bytes.data(), bytes.size());
        if (written < 0) {
            if (errno == EINTR) continue;
            if (errno != EAGAIN) throw SystemError("writing", "write");
            wait_for_room(target_fd);
            continue;
        }
        bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
}

void write_all(int target_fd, std::string_view text) {
    write_all(target_fd, std::as_bytes(std::span(text)));
}

std::string read_all(int source_fd, std::size_t max_bytes) {
    std::string out;
    std::array<char, 65536> buffer;
    for (;;) {
        const ssize_t got = ::read(source_fd, buffer.data(), buffer.size());
        if (got < 0) {
            if (errno == EINTR) continue;
            throw SystemError("reading", "read");
        }
        if (got == 0) return out;
        if (out.size() + static_cast<std::size_t>(got) > max_bytes) {
            throw Error(concat("more than ", max_bytes, " bytes"));
        }
        out.append(buffer.data(), static_cast<std::size_t>(got));
    }
}

void send_message(int socket_fd, std::span<const std::byte> bytes, std::span<const int> fds) {
    if (fds.size() > kMaxFdsPerMessage) throw Error("too many descriptors for one message");
    iovec part{.iov_base = const_cast<std::byte*>(bytes.data()), .iov_len = bytes.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMaxFdsPerMessage)> control{};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    if (!fds.empty()) {
        header.msg_control = control.data();
        header.msg_controllen = CMSG_SPACE(fds.size_bytes());
        cmsghdr* rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(fds.size_bytes());
        std::memcpy(CMSG_DATA(rights), fds.data(), fds.size_bytes());
    }
    while (::sendmsg(socket_fd, &header, MSG_NOSIGNAL) < 0) {
        if (errno != EINTR) throw SystemError("sending a control message", "sendmsg");
    }
}

Message receive_message(int socket_fd, std::size_t max_bytes, std::size_t max_fds) {
    if (max_fds > kMaxFdsPerMessage) throw Error("too many descriptors for one message");
    Message message;
    // Most messages are short: what is not received is not touched.
    const auto buffer = std::make_unique_for_overwrite<std::byte[]>(max_bytes);
    iovec part{.iov_base = buffer.get(), .iov_len = max_bytes};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMaxFdsPerMessage)> control{};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = max_fds == 0 ? 0 : CMSG_SPACE(sizeof(int) * max_fds);
    ssize_t got = 0;
    while ((got = ::recvmsg(socket_fd, &header, MSG_CMSG_CLOEXEC)) < 0) {
        // ECONNRESET comes once, when the peer died without reading its mail, and before what it
        // had sent: after it come its last messages, then end of file.
        if (errno != EINTR && errno != ECONNRESET) {
            throw SystemError("receiving a control message", "recvmsg");
        }
    }
    message.bytes.assign(buffer.get(), buffer.get() + got);
    for (cmsghdr* item = CMSG_FIRSTHDR(&header); item != nullptr;
         item = CMSG_NXTHDR(&header, item)) {
        if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SCM_RIGHTS) continue;
        const std::size_t count = (item->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(item) + i * sizeof(int), sizeof(int));
            message.fds.emplace_back(fd);
        }
    }
    if ((header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
        throw Error("a control message was cut short");
    }
    return message;
}

}  // namespace vitrine
