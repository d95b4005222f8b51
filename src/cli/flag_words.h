// The flags of a command line as words, before anybody asks what they mean.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace vitrine::cli {

/// One flag as it was written: `--result`, `-e`.
struct FlagWord {
    std::string name;
    std::optional<std::string> value;  ///< Absent, too, where the words end before it.
};

/// The flags in front of the program's name, taken apart as CLI11 takes them. Whatever follows the
/// first word that is no flag of `app` is the program's own.
std::vector<FlagWord> scan_flags(const CLI::App& app, std::span<const std::string> words);

/// Throws UsageError for a flag whose value is the empty string: CLI11 would take the next word
/// for it, or drop the flag. `-c` alone may be empty: a program of no lines is one.
void refuse_empty_values(std::span<const FlagWord> flags);

}  // namespace vitrine::cli
