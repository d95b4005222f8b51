// Frames on a one-way pipe: `u32 kind, u32 length, bytes`, native byte order.
//
// The writing end lives in a sandbox, so the reader takes nothing on trust: a frame that is too
// long or a kind it does not want ends the conversation, never the reader.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace vitrine {

struct Frame {
    std::uint32_t kind = 0;
    std::vector<std::byte> bytes;
};

/// The bytes of one frame.
std::vector<std::byte> make_frame(std::uint32_t kind, std::span<const std::byte> bytes);

/// Writes one frame. Throws SystemError.
void write_frame(int target_fd, std::uint32_t kind, std::span<const std::byte> bytes);

/// Puts frames together from whatever pieces a pipe delivers.
class FrameReader {
  public:
    /// Frames with more than `max_bytes` break the reader.
    explicit FrameReader(std::size_t max_bytes) : max_bytes_(max_bytes) {}

    /// Takes the next piece. Ignored once broken.
    void feed(std::span<const std::byte> piece);
    /// The next whole frame, if there is one.
    std::optional<Frame> next();
    /// A frame announced more than `max_bytes`; everything after it is dropped.
    bool is_broken() const noexcept { return is_broken_; }

  private:
    std::size_t max_bytes_;
    std::vector<std::byte> pending_;
    std::size_t taken_ = 0;  ///< Bytes of `pending_` that were handed out.
    bool is_broken_ = false;
};

}  // namespace vitrine
