#include "python/source_check.h"

#include <algorithm>
#include <cctype>
#include <string>

#include "base/error.h"
#include "base/units.h"
#include "python/findings.h"

namespace vitrine::python {

namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

struct Position {
    std::uint32_t line = 1;
    std::uint32_t column = 1;
};

/// PEP 263: a comment in one of the first two lines that matches `coding[:=]\s*([-\w.]+)`.
std::string coding_cookie(std::string_view line) {
    const std::size_t comment = line.find_first_not_of(" \t\f");
    if (comment == std::string_view::npos || line[comment] != '#') return {};
    std::size_t at = line.find("coding", comment);
    if (at == std::string_view::npos) return {};
    at += std::string_view("coding").size();
    if (at >= line.size() || (line[at] != ':' && line[at] != '=')) return {};
    at = line.find_first_not_of(" \t", at + 1);
    if (at == std::string_view::npos) return {};
    std::string name;
    while (at < line.size() && (std::isalnum(static_cast<unsigned char>(line[at])) != 0 ||
                                line[at] == '-' || line[at] == '_' || line[at] == '.')) {
        const char letter = line[at++];
        name.push_back(letter == '_' ? '-' : static_cast<char>(std::tolower(letter)));
    }
    return name;
}

void check_cookie(std::string_view bytes, std::vector<Finding>& findings) {
    for (std::uint32_t line = 1; line <= 2 && !bytes.empty(); ++line) {
        const std::size_t end = std::min(bytes.find_first_of("\r\n"), bytes.size());
        const std::string name = coding_cookie(bytes.substr(0, end));
        if (!name.empty() && name != "utf-8" && name != "utf8" && name != "utf-8-sig") {
            Finding finding = make_finding(Rule::kEncoding,
                                           concat("the source declares the encoding '", name, "'"));
            finding.line = line;
            finding.column = 1;
            findings.push_back(std::move(finding));
        }
        bytes.remove_prefix(std::min(end + 1, bytes.size()));
    }
}

/// U+202A to U+202E and U+2066 to U+2069, as UTF-8.
bool is_bidi_control(std::string_view sequence) {
    return (sequence >= "\xe2\x80\xaa" && sequence <= "\xe2\x80\xae") ||
           (sequence >= "\xe2\x81\xa6" && sequence <= "\xe2\x81\xa9");
}

/// One pass: the first broken byte, the first null byte, the first misleading character.
class CharacterCheck {
  public:
    void run(std::string_view bytes, std::vector<Finding>& findings) {
        while (!bytes.empty()) {
            const std::size_t length = utf8_length(bytes);
            if (length == 0) {
                findings.push_back(at_here(Rule::kEncoding, "the source is not UTF-8"));
                return;
            }
            look_at(bytes.substr(0, length), findings);
            bytes.remove_prefix(length);
        }
    }

  private:
    Finding at_here(Rule rule, std::string message) const {
        Finding finding = make_finding(rule, std::move(message));
        finding.line = here_.line;
        finding.column = here_.column;
        return finding;
    }

    void look_at(std::string_view sequence, std::vector<Finding>& findings) {
        if (sequence[0] == '\0' && !std::exchange(saw_null_, true)) {
            findings.push_back(at_here(Rule::kNullByte, "the source holds a null byte"));
        }
        if (sequence.size() == 3 && is_bidi_control(sequence) && !std::exchange(saw_bidi_, true)) {
            Finding finding = at_here(Rule::kBidiControl,
                                      "a bidirectional control character: the source may not be "
                                      "what it looks like");
            finding.severity = Severity::kWarning;
            findings.push_back(std::move(finding));
        }
        if (sequence[0] == '\n') {
            here_ = {.line = here_.line + 1, .column = 1};
        } else {
            ++here_.column;
        }
    }

    Position here_;
    bool saw_null_ = false;
    bool saw_bidi_ = false;
};

}  // namespace

std::size_t utf8_length(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned lead = byte(0);
    if (lead < 0x80) return 1;
    const std::size_t length = lead < 0xc2   ? 0
                               : lead < 0xe0 ? 2
                               : lead < 0xf0 ? 3
                               : lead < 0xf5 ? 4
                                             : 0;
    if (length == 0 || length > text.size()) return 0;
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xc0U) != 0x80U) return 0;
    }
    const unsigned second = byte(1);
    const bool is_overlong = (lead == 0xe0 && second < 0xa0) || (lead == 0xf0 && second < 0x90);
    const bool is_beyond = (lead == 0xed && second >= 0xa0) || (lead == 0xf4 && second >= 0x90);
    return is_overlong || is_beyond ? 0 : length;
}

std::vector<Finding> check_source(std::string_view bytes, const Policy& policy) {
    std::vector<Finding> findings;
    if (bytes.size() > policy.max_source_bytes) {
        findings.push_back(
            make_finding(Rule::kSourceTooLarge,
                         concat("the source has ", bytes.size(), " bytes; the policy allows ",
                                format_bytes(policy.max_source_bytes))));
        return findings;
    }
    if (bytes.starts_with(kByteOrderMark)) bytes.remove_prefix(kByteOrderMark.size());
    check_cookie(bytes, findings);
    CharacterCheck().run(bytes, findings);
    return findings;
}

}  // namespace vitrine::python
