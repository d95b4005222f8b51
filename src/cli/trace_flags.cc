#include "cli/trace_flags.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <utility>

#include "base/error.h"
#include "base/fd.h"

namespace vitrine::cli {

namespace {

constexpr std::string_view kBlanks = " \t\n";

/// One word after the other out of a text.
class Words {
  public:
    explicit Words(std::string_view text) : text_(text) {}

    bool has_next() {
        while (at_ < text_.size() && kBlanks.contains(text_[at_]))
            ++at_;
        return at_ < text_.size();
    }

    std::string next() {
        std::string word;
        while (at_ < text_.size() && !kBlanks.contains(text_[at_])) {
            const char c = text_[at_++];
            if (c == '\'' || c == '"') {
                word += quoted(c);
            } else if (c == '\\' && at_ < text_.size()) {
                word.push_back(text_[at_++]);
            } else {
                word.push_back(c);
            }
        }
        return word;
    }

  private:
    std::string quoted(char quote) {
        std::string inside;
        while (at_ < text_.size() && text_[at_] != quote) {
            if (quote == '"' && text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
            inside.push_back(text_[at_++]);
        }
        if (at_ == text_.size()) {
            throw UsageError(concat("a quote (", quote, ") is not closed"),
                             "close it: --strace-opts '-e \"trace=file\"'");
        }
        ++at_;
        return inside;
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

struct Refused {
    char letter;
    std::string_view word;  ///< Its long form, as short as strace understands it.
    const char* reason;
    const char* instead;
};

/// Whoever says these would get another strace than the one vitrine waits for, or one that trusts
/// the job.
constexpr auto kRefused = std::to_array<Refused>({
    {'o', "--output", "vitrine names the file itself", "use --strace=FILE"},
    {'p', "--at", "vitrine attaches to the program itself", "leave it out"},
    {'D', "--da", "vitrine waits for strace, which would leave it", "leave it out"},
    {'k', "--sta", "strace would open, as you, the files that the job's memory map names",
     "leave it out; see the job's stack with --wait-for-debugger"},
});

/// Short options that take the rest of their word, or the next one, for their value.
constexpr std::string_view kTakesValue = "abeEIoOpPsSuUX";

/// Short options may stand in one word: `-fp1`.
bool has_letter(std::string_view word, char letter) {
    if (!word.starts_with('-') || word.starts_with("--")) return false;
    for (const char c : word.substr(1)) {
        if (c == letter) return true;
        if (kTakesValue.contains(c)) return false;
    }
    return false;
}

bool says(std::string_view word, const Refused& refused) {
    if (has_letter(word, refused.letter)) return true;
    // --output-append-mode and --output-separately are others.
    const std::string_view name = word.substr(0, word.find('='));
    return refused.letter == 'o' ? name == refused.word : name.starts_with(refused.word);
}

/// What names a descriptor of ours, for another process to open.
std::string seen_from_outside(const std::string& path) {
    const std::string ours = concat("/proc/", ::getpid());
    if (path == "/dev/stdout") return ours + "/fd/1";
    for (const auto& [alias, directory] :
         {std::pair<std::string, std::string>{"/dev/fd/", "/fd/"}, {"/proc/self/", "/"}}) {
        if (path.starts_with(alias)) return ours + directory + path.substr(alias.size());
    }
    return path;
}

}  // namespace

std::vector<std::string> split_words(std::string_view text) {
    std::vector<std::string> list;
    for (Words words(text); words.has_next();)
        list.push_back(words.next());
    return list;
}

std::vector<std::string> parse_strace_options(const std::string& text) {
    std::vector<std::string> words = split_words(text);
    for (const std::string& word : words) {
        for (const Refused& refused : kRefused) {
            if (!says(word, refused)) continue;
            throw UsageError(concat("'", word, "' is not for you to say: ", refused.reason),
                             refused.instead);
        }
    }
    return words;
}

std::string parse_trace_file(const std::string& text) {
    if (text == "-" || text == "/dev/stderr") return {};
    if (text.ends_with(".py")) {
        throw UsageError(concat("'", text, "' is the name of a Python script, not of a trace"),
                         "name the trace after '=' and the script after that: "
                         "vitrine run --strace=trace.txt script.py");
    }
    std::string path = seen_from_outside(std::filesystem::absolute(text).string());
    // Not waiting for the reader of a FIFO: strace will.
    const UniqueFd file(
        ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0666));
    if (!file && errno != ENXIO) throw SystemError(concat("opening '", text, "'"), "open");
    return path;
}

std::string parse_trace_directory(const std::string& text) {
    const std::filesystem::path path = std::filesystem::absolute(text);
    std::error_code problem;
    std::filesystem::create_directories(path, problem);
    if (!std::filesystem::is_directory(path)) {
        throw UsageError(concat("'", text, "' cannot be made a directory",
                                problem ? concat(": ", problem.message()) : std::string()),
                         "name one that gets a file for each job: --strace traces");
    }
    return path.string();
}

}  // namespace vitrine::cli
