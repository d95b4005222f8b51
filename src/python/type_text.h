// The text of a type, as annotations hold it: `dict[str, list['Node']] | None`.
#pragma once

#include <string_view>
#include <vector>

namespace vitrine::python {

/// A letter, digit or underscore, or a part of a character that is not ASCII.
bool is_identifier_character(char c);
bool is_dunder(std::string_view name);
/// `lambda`, `await` and `yield` are made of the same characters as names.
bool is_keyword_of_code(std::string_view name);

/// What is in such a text; views into it.
struct TypeText {
    std::vector<std::string_view> names;  ///< With their dots: `collections.abc.Mapping`.
    std::string_view stranger;            ///< The first character that no type's text has.
};

/// Reads up to the first stranger.
TypeText read_type_text(std::string_view text);

}  // namespace vitrine::python
