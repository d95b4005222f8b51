// Installing a seccomp filter, and answering the calls it hands to a listener: seccomp(2),
// seccomp_unotify(2). What the filter says is the seccomp room's business.
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/fd.h"

namespace vitrine::kernel {

/// Installs `program` for the calling process, for good. Needs no_new_privs. Throws SystemError.
void install_filter(std::span<const sock_filter> program);

/// The same with a listener (Linux 5.0): every call that gets SECCOMP_RET_USER_NOTIF waits until
/// whoever holds it answers. Where the kernel can (5.19), a call that was received is not
/// interrupted by signals any more, short of a deadly one. Whoever can reach the listener can
/// undo the filter. Throws SystemError; EBUSY: a filter around this process has a listener.
UniqueFd install_notifying_filter(std::span<const sock_filter> program);

/// One call that waits for its answer.
struct WaitingCall {
    std::uint64_t id = 0;
    seccomp_data call{};
};

/// The receiving end of install_notifying_filter, in another process.
class Listener {
  public:
    /// Throws SystemError.
    explicit Listener(UniqueFd listener);

    int fd() const noexcept { return fd_.get(); }
    /// The next call that waits; empty when there is none. Never blocks. Throws SystemError.
    std::optional<WaitingCall> receive();
    /// Has the call fail with `error_number`, or return 0 for 0, without being made. A caller that
    /// is gone is not an error.
    void answer(std::uint64_t id, int error_number) const;
    /// Has the call made after all, by the kernel, with what its arguments point to by then: to be
    /// used where nothing was decided by them, and for programs that are trusted.
    void let_through(std::uint64_t id) const;
    /// No process is left under the filter, and none ever will be.
    bool is_unused() const;

  private:
    void send(seccomp_notif_resp response) const;

    UniqueFd fd_;
    /// As large as this kernel's structures, which may be larger than those we know.
    std::vector<std::byte> received_;
    std::size_t response_size_ = 0;
};

}  // namespace vitrine::kernel
