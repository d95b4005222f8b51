#include "base/sha256.h"

#include <sha2.h>

#include <array>
#include <string_view>

namespace vitrine {

struct Sha256::State {
    SHA2_CTX context{};
};

std::string sha256_hex(std::span<const std::byte> bytes) {
    std::array<char, SHA256_DIGEST_STRING_LENGTH> hex{};
    SHA256Data(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size(), hex.data());
    return hex.data();
}

std::string sha256_hex(std::string_view text) {
    return sha256_hex(std::as_bytes(std::span(text)));
}

Sha256::Sha256() : state_(std::make_unique<State>()) {
    SHA256Init(&state_->context);
}

Sha256::~Sha256() = default;

void Sha256::feed(std::span<const std::byte> bytes) {
    SHA256Update(&state_->context, reinterpret_cast<const std::uint8_t*>(bytes.data()),
                 bytes.size());
}

std::string Sha256::hex() {
    std::array<char, SHA256_DIGEST_STRING_LENGTH> hex{};
    SHA256End(&state_->context, hex.data());
    return hex.data();
}

}  // namespace vitrine
