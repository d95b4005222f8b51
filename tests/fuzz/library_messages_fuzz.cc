// What a program and its supervisor say to each other: whatever the bytes are, a message or an
// Error comes out, and a message says the same when it is said again.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/error.h"
#include "library/codec.h"

namespace {

template <typename Message>
void try_as(std::span<const std::byte> bytes) {
    using namespace vitrine::library;
    try {
        const auto message = decode<Message>(bytes);
        const auto again = encode(message);
        if (!std::equal(again.begin(), again.end(), bytes.begin(), bytes.end())) __builtin_trap();
    } catch (const vitrine::Error& error) {
        if (error.what()[0] == '\0') __builtin_trap();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const auto bytes = std::as_bytes(std::span(data, size));
    const auto message = bytes.subspan(1);
    switch (data[0] % 5) {
        case 0:
            try_as<vitrine::library::NumberedJob>(message);
            break;
        case 1:
            try_as<vitrine::library::NumberedResult>(message);
            break;
        case 2:
            try_as<vitrine::library::Start>(message);
            break;
        case 3:
            try_as<vitrine::library::Ready>(message);
            break;
        default:
            try_as<vitrine::library::Refusal>(message);
            break;
    }
    return 0;
}
