#include "kernel/seccomp.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/error.h"

namespace vitrine::kernel {

namespace {

constexpr const char* kInstalling = "installing the seccomp filter";

/// Linux 6.6: who is answered goes on where the answer came from, which saves a wait for another
/// CPU. Not in the headers that we are built with.
constexpr unsigned long kSetFlags = SECCOMP_IOW(4, std::uint64_t);
constexpr std::uint64_t kWakeCallerHere = 1;

int set_filter(std::span<const sock_filter> program, unsigned long flags) {
    const sock_fprog description{.len = static_cast<unsigned short>(program.size()),
                                 .filter = const_cast<sock_filter*>(program.data())};
    return static_cast<int>(::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &description));
}

short events_of(int fd) {
    pollfd state{.fd = fd, .events = POLLIN, .revents = 0};
    return ::poll(&state, 1, 0) > 0 ? state.revents : short{0};
}

}  // namespace

void install_filter(std::span<const sock_filter> program) {
    check(set_filter(program, 0), kInstalling, "seccomp");
}

UniqueFd install_notifying_filter(std::span<const sock_filter> program) {
    constexpr unsigned long kListener = SECCOMP_FILTER_FLAG_NEW_LISTENER;
    int fd = set_filter(program, kListener | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
    if (fd < 0 && errno == EINVAL) fd = set_filter(program, kListener);
    return UniqueFd(check(fd, kInstalling, "seccomp"));
}

Listener::Listener(UniqueFd listener) : fd_(std::move(listener)) {
    seccomp_notif_sizes sizes{};
    check(::syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes), "listening to a filter",
          "seccomp");
    const std::uint64_t flags = kWakeCallerHere;
    (void)::ioctl(fd(), kSetFlags, flags);
    received_.resize(std::max<std::size_t>(sizes.seccomp_notif, sizeof(seccomp_notif)));
    response_size_ = std::max<std::size_t>(sizes.seccomp_notif_resp, sizeof(seccomp_notif_resp));
}

std::optional<WaitingCall> Listener::receive() {
    // To be asked first: receiving would wait for a call.
    while ((events_of(fd()) & POLLIN) != 0) {
        std::ranges::fill(received_, std::byte{0});  // The kernel insists.
        if (::ioctl(fd(), SECCOMP_IOCTL_NOTIF_RECV, received_.data()) == 0) {
            seccomp_notif notification{};
            std::memcpy(&notification, received_.data(), sizeof notification);
            return WaitingCall{.id = notification.id, .call = notification.data};
        }
        // ENOENT: whoever called was killed meanwhile.
        if (errno != ENOENT && errno != EINTR) {
            throw SystemError("hearing of a system call", "ioctl(SECCOMP_IOCTL_NOTIF_RECV)");
        }
    }
    return std::nullopt;
}

void Listener::send(seccomp_notif_resp response) const {
    std::vector<std::byte> bytes(response_size_);
    std::memcpy(bytes.data(), &response, sizeof response);
    while (::ioctl(fd(), SECCOMP_IOCTL_NOTIF_SEND, bytes.data()) != 0) {
        if (errno == EINTR) continue;
        // Killed, or interrupted by a signal where the kernel allows that: nobody to be told.
        if (errno == ENOENT) return;
        throw SystemError("answering a system call", "ioctl(SECCOMP_IOCTL_NOTIF_SEND)");
    }
}

void Listener::answer(std::uint64_t id, int error_number) const {
    send({.id = id, .val = 0, .error = -error_number, .flags = 0});
}

void Listener::let_through(std::uint64_t id) const {
    send({.id = id, .val = 0, .error = 0, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE});
}

bool Listener::is_unused() const {
    return (events_of(fd()) & (POLLHUP | POLLERR)) != 0;
}

}  // namespace vitrine::kernel
