// JSON from strangers: bounded, strict, and with errors a person can use.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace vitrine::cli {

/// Parses one JSON value. Throws UsageError for what is none, for nesting beyond reason, and for an
/// object at the top that has a key twice.
nlohmann::json parse_json_line(const std::string& text);

/// The text of the member `key` of the object that `text`, which is valid, holds; empty when it has
/// none under exactly this spelling. What numbers there are stays as it was written.
std::string_view member_text(std::string_view text, std::string_view key);

/// `an array`, `a number`…
const char* describe_type(const nlohmann::json& value);

}  // namespace vitrine::cli
