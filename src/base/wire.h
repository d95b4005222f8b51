// A flat byte encoding for messages between Vitrine's own processes on one machine.
//
// Native byte order, no versions: writer and reader are always of one build. A Reader never
// trusts its input: whatever does not fit throws.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/error.h"

namespace vitrine {

class WireWriter {
  public:
    template <typename Number>
        requires(std::is_arithmetic_v<Number> || std::is_enum_v<Number>)
    void put(Number value) {
        append(std::as_bytes(std::span(&value, 1)));
    }
    void put(std::string_view text) {
        put(static_cast<std::uint64_t>(text.size()));
        append(std::as_bytes(std::span(text)));
    }
    void put(const std::string& text) { put(std::string_view(text)); }
    void put(const char* text) { put(std::string_view(text)); }
    template <typename Item>
    void put_all(const std::vector<Item>& items) {
        put(static_cast<std::uint64_t>(items.size()));
        for (const Item& item : items)
            put(item);
    }

    const std::vector<std::byte>& bytes() const noexcept { return bytes_; }
    /// The same bytes as a string, to be put into another message.
    std::string text() const {
        return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()};
    }

  private:
    void append(std::span<const std::byte> bytes);

    std::vector<std::byte> bytes_;
};

/// Reads what WireWriter wrote, in the same order. Borrows the bytes.
class WireReader {
  public:
    explicit WireReader(std::span<const std::byte> bytes) : rest_(bytes) {}

    template <typename Number>
        requires(std::is_arithmetic_v<Number> || std::is_enum_v<Number>)
    Number get() {
        Number value{};
        std::memcpy(&value, take(sizeof value).data(), sizeof value);
        return value;
    }
    std::string get_string() { return std::string(get_view()); }
    /// Borrowed from the reader's bytes.
    std::string_view get_view() {
        const auto bytes = take(get<std::uint64_t>());
        return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    }
    std::vector<std::string> get_strings() {
        const auto count = get<std::uint64_t>();
        if (count > rest_.size()) throw Error("a message is cut short");
        std::vector<std::string> items;
        items.reserve(count);
        for (std::uint64_t i = 0; i < count; ++i)
            items.push_back(get_string());
        return items;
    }
    /// Everything not read yet; the reader is at its end afterwards.
    std::span<const std::byte> get_rest() { return take(rest_.size()); }
    bool at_end() const noexcept { return rest_.empty(); }

  private:
    std::span<const std::byte> take(std::uint64_t count) {
        if (count > rest_.size()) throw Error("a message is cut short");
        const auto taken = rest_.first(count);
        rest_ = rest_.subspan(count);
        return taken;
    }

    std::span<const std::byte> rest_;
};

}  // namespace vitrine
