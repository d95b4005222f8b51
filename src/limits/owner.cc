#include "limits/owner.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <sstream>

#include "base/error.h"
#include "base/file.h"

namespace vitrine::limits {

namespace {

constexpr std::size_t kBootLength = 8;
/// Of /proc/PID/stat, counted from the word after the command's closing parenthesis.
constexpr int kStartTimeWord = 20;

/// 0 when there is no such process.
std::uint64_t start_time_of(std::int64_t pid) {
    std::string stat;
    try {
        stat = read_file(concat("/proc/", pid, "/stat"), 4096);
    } catch (const Error&) {
        return 0;
    }
    std::istringstream words(stat.substr(stat.rfind(')') + 1));
    std::string word;
    for (int i = 0; i < kStartTimeWord; ++i)
        words >> word;
    return word.empty() ? 0 : std::stoull(word);
}

template <typename Number>
bool parse_whole(std::string_view text, Number& number) {
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && rest == text.data() + text.size();
}

}  // namespace

Owner this_owner() {
    struct stat info{};
    check(::stat("/proc/self/ns/pid", &info), "looking at the own pid namespace", "stat");
    return {.boot = read_file("/proc/sys/kernel/random/boot_id", 64).substr(0, kBootLength),
            .pid_namespace = info.st_ino,
            .pid = ::getpid(),
            .start_time = start_time_of(::getpid())};
}

std::string to_text(const Owner& owner) {
    return concat(owner.boot, ".", owner.pid_namespace, ".", owner.pid, ".", owner.start_time);
}

std::optional<Owner> parse_owner(std::string_view text) {
    std::array<std::string_view, 4> words;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const std::size_t end = i + 1 < words.size() ? text.find('.') : text.size();
        if (end == std::string_view::npos) return std::nullopt;
        words[i] = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    Owner owner{.boot = std::string(words[0])};
    const bool is_whole =
        owner.boot.size() == kBootLength && parse_whole(words[1], owner.pid_namespace) &&
        parse_whole(words[2], owner.pid) && parse_whole(words[3], owner.start_time);
    return is_whole ? std::optional(owner) : std::nullopt;
}

bool is_gone(const Owner& owner, const Owner& self) {
    if (owner.boot != self.boot || owner.pid_namespace != self.pid_namespace) return false;
    const auto pid = static_cast<pid_t>(owner.pid);
    if (::kill(pid, 0) < 0 && errno == ESRCH) return true;
    const std::uint64_t start_time = start_time_of(pid);  // 0: it lives, and is hidden from us.
    return start_time != 0 && start_time != owner.start_time;
}

}  // namespace vitrine::limits
