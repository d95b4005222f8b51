#include "library/codec.h"

#include <chrono>
#include <optional>
#include <utility>

#include "base/wire.h"
#include "library/members.h"

namespace vitrine::library {

namespace {

template <typename Type>
concept Struct = requires(Type& value) { members(value); };

template <typename Type>
concept Number = std::is_arithmetic_v<Type> && !std::same_as<Type, bool>;

class Encoder {
  public:
    void put(const Number auto& number) { out_.put(number); }
    void put(const bool& yes) { out_.put(static_cast<std::uint8_t>(yes)); }
    void put(const std::string& text) { out_.put(text); }
    void put(const std::chrono::nanoseconds& time) { out_.put(time.count()); }

    template <typename Enum>
        requires std::is_enum_v<Enum>
    void put(const Enum& choice) {
        out_.put(static_cast<std::uint8_t>(choice));
    }
    template <typename Item>
    void put(const std::optional<Item>& item) {
        put(item.has_value());
        if (item) put(*item);
    }
    template <typename First, typename Second>
    void put(const std::pair<First, Second>& pair) {
        put(pair.first);
        put(pair.second);
    }
    template <typename Item>
    void put(const std::vector<Item>& items) {
        out_.put(static_cast<std::uint64_t>(items.size()));
        for (const Item& item : items)
            put(item);
    }
    void put(const Struct auto& message) {
        std::apply([this](const auto&... member) { (this->put(member), ...); }, members(message));
    }

    const std::vector<std::byte>& bytes() const noexcept { return out_.bytes(); }

  private:
    WireWriter out_;
};

// The last value of each enumeration that crosses.
constexpr OutputOverflow last_of(OutputOverflow /*any*/) {
    return OutputOverflow::kKill;
}
constexpr OutputKeep last_of(OutputKeep /*any*/) {
    return OutputKeep::kBoth;
}
constexpr Status last_of(Status /*any*/) {
    return Status::kSetupError;
}
constexpr Severity last_of(Severity /*any*/) {
    return Severity::kWarning;
}

class Decoder {
  public:
    explicit Decoder(std::span<const std::byte> bytes) : in_(bytes) {}

    template <Number Type>
    void get(Type& number) {
        number = in_.get<Type>();
    }
    void get(bool& yes) {
        const auto value = in_.get<std::uint8_t>();
        if (value > 1) throw Error("a message has a value that is out of range");
        yes = value == 1;
    }
    void get(std::string& text) { text = in_.get_string(); }
    void get(std::chrono::nanoseconds& time) {
        time = std::chrono::nanoseconds(in_.get<std::chrono::nanoseconds::rep>());
    }

    template <typename Enum>
        requires std::is_enum_v<Enum>
    void get(Enum& choice) {
        const auto value = in_.get<std::uint8_t>();
        if (value > static_cast<std::uint8_t>(last_of(choice))) {
            throw Error("a message has a value that is out of range");
        }
        choice = static_cast<Enum>(value);
    }
    template <typename Item>
    void get(std::optional<Item>& item) {
        bool has_value = false;
        get(has_value);
        item.reset();
        if (has_value) get(item.emplace());
    }
    template <typename First, typename Second>
    void get(std::pair<First, Second>& pair) {
        get(pair.first);
        get(pair.second);
    }
    /// Nothing is reserved: a count is only believed as far as there are items.
    template <typename Item>
    void get(std::vector<Item>& items) {
        const auto count = in_.get<std::uint64_t>();
        items.clear();
        for (std::uint64_t i = 0; i < count; ++i)
            get(items.emplace_back());
    }
    void get(Struct auto& message) {
        std::apply([this](auto&... member) { (this->get(member), ...); }, members(message));
    }

    bool at_end() const noexcept { return in_.at_end(); }

  private:
    WireReader in_;
};

}  // namespace

template <typename Message>
std::vector<std::byte> encode(const Message& message) {
    Encoder encoder;
    encoder.put(message);
    return encoder.bytes();
}

template <typename Message>
Message decode(std::span<const std::byte> bytes) {
    Decoder decoder(bytes);
    Message message;
    decoder.get(message);
    if (!decoder.at_end()) throw Error("a message is longer than what it says");
    return message;
}

template std::vector<std::byte> encode(const Start&);
template std::vector<std::byte> encode(const Ready&);
template std::vector<std::byte> encode(const NumberedJob&);
template std::vector<std::byte> encode(const NumberedResult&);
template std::vector<std::byte> encode(const Refusal&);
template Start decode(std::span<const std::byte>);
template Ready decode(std::span<const std::byte>);
template NumberedJob decode(std::span<const std::byte>);
template NumberedResult decode(std::span<const std::byte>);
template Refusal decode(std::span<const std::byte>);

std::string build_id() {
    // A struct that changed has another size, in most cases, and so has this.
    return concat(VITRINE_VERSION, "-", sizeof(Job), ".", sizeof(Limits), ".", sizeof(Result), ".",
                  sizeof(Isolation), ".", sizeof(Usage), ".", sizeof(Start));
}

}  // namespace vitrine::library
