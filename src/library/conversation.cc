#include "library/conversation.h"

#include <sys/socket.h>

#include <cerrno>
#include <span>

#include "base/error.h"
#include "library/messages.h"

namespace vitrine::library {

namespace {

constexpr std::size_t kPiece = std::size_t{256} << 10;

bool is_worth_another_try() {
    return errno == EAGAIN || errno == EINTR;
}

}  // namespace

Conversation::Conversation(const std::string& program)
    : process_(program), reader_(kMaxFrameBytes), piece_(kPiece) {}

/// What came before its end is read first: it may be why it ends.
bool Conversation::exchange() {
    const bool is_heard = write();
    const bool is_there = read();
    return is_heard && is_there;
}

bool Conversation::write() {
    while (!outbox_.empty()) {
        const auto& frame = outbox_.front();
        const ssize_t sent =
            ::send(fd(), frame.data() + sent_, frame.size() - sent_, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0) return is_worth_another_try();
        sent_ += static_cast<std::size_t>(sent);
        if (sent_ < frame.size()) continue;
        outbox_.pop_front();
        sent_ = 0;
    }
    return true;
}

bool Conversation::read() {
    while (true) {
        const ssize_t got = ::recv(fd(), piece_.data(), piece_.size(), MSG_DONTWAIT);
        if (got < 0) return is_worth_another_try();
        if (got == 0) {
            process_.set_ended();
            return false;
        }
        const auto count = static_cast<std::size_t>(got);
        reader_.feed(std::span(piece_).first(count));
        if (count < piece_.size()) return true;
    }
}

std::optional<Frame> Conversation::next() {
    auto frame = reader_.next();
    if (reader_.is_broken()) throw Error("it said something that is too long");
    return frame;
}

void Conversation::hang_up() const {
    (void)::shutdown(fd(), SHUT_WR);
}

}  // namespace vitrine::library
