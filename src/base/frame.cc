#include "base/frame.h"

#include <array>
#include <cstring>

#include "base/fd.h"

namespace vitrine {

namespace {

struct Header {
    std::uint32_t kind = 0;
    std::uint32_t length = 0;
};

}  // namespace

std::vector<std::byte> make_frame(std::uint32_t kind, std::span<const std::byte> bytes) {
    const Header header{kind, static_cast<std::uint32_t>(bytes.size())};
    std::vector<std::byte> frame(sizeof header + bytes.size());
    std::memcpy(frame.data(), &header, sizeof header);
    if (!bytes.empty()) std::memcpy(frame.data() + sizeof header, bytes.data(), bytes.size());
    return frame;
}

void write_frame(int target_fd, std::uint32_t kind, std::span<const std::byte> bytes) {
    write_all(target_fd, make_frame(kind, bytes));
}

void FrameReader::feed(std::span<const std::byte> piece) {
    if (is_broken_) return;
    // Once a piece, not once a frame: a writer of tiny frames must not cost the square of them.
    pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(taken_));
    taken_ = 0;
    pending_.insert(pending_.end(), piece.begin(), piece.end());
}

std::optional<Frame> FrameReader::next() {
    Header header;
    const auto rest = std::span(pending_).subspan(taken_);
    if (is_broken_ || rest.size() < sizeof header) return std::nullopt;
    std::memcpy(&header, rest.data(), sizeof header);
    if (header.length > max_bytes_) {
        is_broken_ = true;
        pending_.clear();
        taken_ = 0;
        return std::nullopt;
    }
    if (rest.size() - sizeof header < header.length) return std::nullopt;
    const auto content = rest.subspan(sizeof header, header.length);
    taken_ += sizeof header + header.length;
    return Frame{header.kind, {content.begin(), content.end()}};
}

}  // namespace vitrine
