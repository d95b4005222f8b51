#include "cli/flag_words.h"

#include <CLI/CLI.hpp>

#include "base/error.h"

namespace vitrine::cli {

namespace {

bool takes_value(const CLI::Option& option) {
    return option.get_items_expected_max() > 0;
}

/// `--name=value`, `-nvalue`, or the name alone.
FlagWord split_word(const std::string& word) {
    const bool is_long = word.starts_with("--");
    const std::size_t end = is_long ? word.find('=') : 2;
    if (end >= word.size()) return {word, std::nullopt};
    return {word.substr(0, end), word.substr(is_long ? end + 1 : end)};
}

}  // namespace

std::vector<FlagWord> scan_flags(const CLI::App& app, std::span<const std::string> words) {
    std::vector<FlagWord> flags;
    for (auto word = words.begin(); word != words.end(); ++word) {
        if (word->size() < 2 || !word->starts_with('-') || *word == "--") break;
        FlagWord flag = split_word(*word);
        const CLI::Option* option = app.get_option_no_throw(flag.name);
        const bool is_short = flag.name.size() == 2;
        // `-qe` is `-q -e`.
        while (option != nullptr && is_short && !takes_value(*option) && flag.value) {
            flags.push_back({flag.name, std::nullopt});
            flag = split_word("-" + *flag.value);
            option = app.get_option_no_throw(flag.name);
        }
        if (option == nullptr) break;
        if (takes_value(*option) && !flag.value && word + 1 != words.end()) flag.value = *++word;
        flags.push_back(std::move(flag));
    }
    return flags;
}

void refuse_empty_values(std::span<const FlagWord> flags) {
    for (const FlagWord& flag : flags) {
        if (flag.name == "-c" || !flag.value || !flag.value->empty()) continue;
        throw UsageError(concat(flag.name, ": its value is empty"),
                         "give it one, or leave the flag out: --help shows the form");
    }
}

}  // namespace vitrine::cli
