#include "runtime/claim_json.h"

#include <nlohmann/json.hpp>
#include <string_view>

namespace vitrine::runtime {

namespace {

using Json = nlohmann::json;

constexpr int kMaxClaimDepth = 100;

/// Writes what the parser reads, as it reads it. Building a value instead would cost many times
/// the claim's size, and, with keys in order, a search of all keys for each.
class Writer final : public Json::json_sax_t {
  public:
    std::string take() { return std::move(text_); }

    bool null() override { return put("null"); }
    bool boolean(bool value) override { return put(value ? "true" : "false"); }
    bool number_integer(number_integer_t value) override { return put(std::to_string(value)); }
    bool number_unsigned(number_unsigned_t value) override { return put(std::to_string(value)); }
    bool number_float(number_float_t /*value*/, const string_t& spelling) override {
        return put(spelling);
    }
    bool string(string_t& value) override { return put(quoted(value)); }
    bool binary(binary_t& /*value*/) override { return false; }  // Not in JSON.
    bool start_object(std::size_t /*elements*/) override { return open('{'); }
    bool end_object() override { return close('}'); }
    bool start_array(std::size_t /*elements*/) override { return open('['); }
    bool end_array() override { return close(']'); }
    bool key(string_t& name) override {
        (void)put(quoted(name));
        text_.push_back(':');
        needs_comma_ = false;
        return true;
    }
    bool parse_error(std::size_t /*position*/, const std::string& /*token*/,
                     const nlohmann::detail::exception& /*error*/) override {
        return false;
    }

  private:
    static std::string quoted(const std::string& text) { return Json(text).dump(); }

    void separate() {
        if (needs_comma_) text_.push_back(',');
    }
    bool put(std::string_view item) {
        separate();
        text_ += item;
        needs_comma_ = true;
        return true;
    }
    bool open(char bracket) {
        separate();
        text_.push_back(bracket);
        needs_comma_ = false;
        return ++depth_ <= kMaxClaimDepth;
    }
    bool close(char bracket) {
        text_.push_back(bracket);
        needs_comma_ = true;
        --depth_;
        return true;
    }

    std::string text_;
    int depth_ = 0;
    bool needs_comma_ = false;
};

}  // namespace

std::string checked_json(const std::string& claim) {
    Writer writer;
    if (!Json::sax_parse(claim, &writer)) return {};
    return writer.take();
}

}  // namespace vitrine::runtime
