// SHA-256 by libmd.
#pragma once

#include <memory>
#include <span>
#include <string>

namespace vitrine {

/// The SHA-256 of `bytes` in lower-case hexadecimal (64 characters).
std::string sha256_hex(std::span<const std::byte> bytes);
std::string sha256_hex(std::string_view text);

/// The same of bytes that come piece by piece.
class Sha256 {
  public:
    Sha256();
    ~Sha256();
    Sha256(const Sha256&) = delete;
    Sha256& operator=(const Sha256&) = delete;

    void feed(std::span<const std::byte> bytes);
    /// Of all that was fed; ends the object's use.
    std::string hex();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace vitrine
