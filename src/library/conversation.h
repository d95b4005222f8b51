// The program's side of a conversation with one supervisor. Never waits.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "base/frame.h"
#include "library/supervisor_process.h"

namespace vitrine::library {

class Conversation {
  public:
    /// Starts the supervisor. Throws SystemError.
    explicit Conversation(const std::string& program);

    void send(std::vector<std::byte> frame) { outbox_.push_back(std::move(frame)); }
    /// Moves what the socket takes and gives now. False when the supervisor is gone.
    bool exchange();
    /// What it has said. Throws Error when that is too long to be true.
    std::optional<Frame> next();
    /// Nothing more will be said: it ends when it has heard that.
    void hang_up() const;

    int fd() const noexcept { return process_.socket_fd(); }
    bool has_unsent() const noexcept { return !outbox_.empty(); }
    SupervisorProcess& process() noexcept { return process_; }

  private:
    bool write();
    bool read();

    SupervisorProcess process_;
    FrameReader reader_;
    std::deque<std::vector<std::byte>> outbox_;
    std::size_t sent_ = 0;  ///< Bytes of the first.
    std::vector<std::byte> piece_;
};

}  // namespace vitrine::library
