#include "cli/json_line.h"

#include <set>

#include "base/error.h"

namespace vitrine::cli {

namespace {

using Json = nlohmann::json;

constexpr int kMaxDepth = 200;
constexpr std::size_t kMaxEvents = 2'000'000;
constexpr std::size_t kMaxComplaint = 300;

/// What the parser says, without its own name and without more of the input than helps.
std::string complaint(const char* what) {
    std::string_view text(what);
    if (const auto end = text.find("] "); end != std::string_view::npos)
        text.remove_prefix(end + 2);
    return concat("not valid JSON: ", text.substr(0, kMaxComplaint),
                  text.size() > kMaxComplaint ? "…" : "");
}

/// Past the string that starts at `at`.
std::size_t end_of_string(std::string_view text, std::size_t at) {
    for (++at; text[at] != '"'; ++at) {
        if (text[at] == '\\') ++at;
    }
    return at + 1;
}

/// Past the value that starts at `at`, but for blanks: to the comma or bracket after it.
std::size_t end_of_value(std::string_view text, std::size_t at) {
    int depth = 0;
    while (at < text.size()) {
        const char c = text[at];
        if (c == '"') {
            at = end_of_string(text, at);
            continue;
        }
        if (c == '[' || c == '{') ++depth;
        if (depth == 0 && (c == ',' || c == '}')) break;
        if (c == ']' || c == '}') --depth;
        ++at;
    }
    return at;
}

}  // namespace

Json parse_json_line(const std::string& text) {
    std::set<std::string> keys;
    std::size_t events = 0;
    const auto look = [&](int depth, Json::parse_event_t event, const Json& value) {
        if (depth > kMaxDepth) {
            throw UsageError(concat("nested more than ", kMaxDepth, " deep"));
        }
        // A few bytes of text can be fifty in memory.
        if (++events > kMaxEvents) throw UsageError("it holds too many values");
        if (depth == 1 && event == Json::parse_event_t::key &&
            !keys.insert(value.get<std::string>()).second) {
            throw UsageError(concat("the key '", value.get<std::string>(), "' is there twice"));
        }
        return true;
    };
    try {
        return Json::parse(text, look);
    } catch (const Json::exception& error) {
        throw UsageError(complaint(error.what()), "each line of the input is one JSON value");
    }
}

std::string_view member_text(std::string_view text, std::string_view key) {
    std::size_t at = text.find('{') + 1;
    for (;;) {
        at = text.find_first_of("\"}", at);
        if (at == std::string_view::npos || text[at] == '}') return {};
        const std::size_t end = end_of_string(text, at);
        const bool is_it = text.substr(at + 1, end - at - 2) == key;
        const std::size_t value = text.find(':', end) + 1;
        at = end_of_value(text, value);
        if (is_it) return text.substr(value, at - value);
    }
}

const char* describe_type(const Json& value) {
    if (value.is_object()) return "an object";
    if (value.is_array()) return "an array";
    if (value.is_string()) return "a string";
    if (value.is_number()) return "a number";
    if (value.is_boolean()) return "true or false";
    return "null";
}

}  // namespace vitrine::cli
