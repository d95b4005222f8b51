#include "python/type_text.h"

#include <cctype>

namespace vitrine::python {

bool is_identifier_character(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return std::isalnum(byte) != 0 || c == '_' || byte >= 0x80;
}

bool is_dunder(std::string_view name) {
    return name.size() > 4 && name.starts_with("__") && name.ends_with("__");
}

bool is_keyword_of_code(std::string_view name) {
    return name == "lambda" || name == "await" || name == "yield";
}

TypeText read_type_text(std::string_view text) {
    constexpr std::string_view kBetween = " \t\n,[]|*'\"-";
    TypeText read;
    for (std::size_t at = 0; at < text.size();) {
        std::size_t end = at;
        while (end < text.size() && (is_identifier_character(text[end]) || text[end] == '.'))
            ++end;
        if (end > at) {
            read.names.push_back(text.substr(at, end - at));
            at = end;
        } else if (kBetween.find(text[at]) == std::string_view::npos) {
            read.stranger = text.substr(at, 1);
            return read;
        } else {
            ++at;
        }
    }
    return read;
}

}  // namespace vitrine::python
