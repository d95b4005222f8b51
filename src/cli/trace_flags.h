// --strace and --strace-opts.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace vitrine::cli {

/// What a shell would make of it: words between blanks, `'…'`, `"…"` and `\` taken off; nothing is
/// expanded. Throws UsageError for a quote that is not closed.
std::vector<std::string> split_words(std::string_view text);

/// The words of --strace-opts. Throws UsageError for those that vitrine says itself.
std::vector<std::string> parse_strace_options(const std::string& text);

/// Where `run` writes its trace: an absolute path, empty for stderr (`-`). Known to be writable;
/// throws otherwise.
std::string parse_trace_file(const std::string& text);

/// Where `batch` writes its traces: an absolute path. Made, where it is missing.
std::string parse_trace_directory(const std::string& text);

}  // namespace vitrine::cli
