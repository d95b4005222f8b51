#include "cli/check_render.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "python/rules.h"

namespace vitrine::cli {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMaxLine = 160;  // Bytes of source shown before and after the caret.

const char* severity_name(const Finding& finding) {
    return finding.severity == Severity::kError ? "error" : "warning";
}

std::string_view line_of(std::string_view source, std::uint32_t line) {
    for (std::uint32_t i = 1; i < line; ++i) {
        const std::size_t end = source.find('\n');
        if (end == std::string_view::npos) return {};
        source.remove_prefix(end + 1);
    }
    return source.substr(0, source.find_first_of("\r\n"));
}

bool continues_character(char c) {
    return (static_cast<unsigned char>(c) & 0xc0U) == 0x80U;
}

/// A source may hold what a terminal would obey.
char harmless(char c) {
    const bool is_control = std::iscntrl(static_cast<unsigned char>(c)) != 0;
    return is_control && c != '\t' ? '?' : c;
}

/// The line and, below the character it is about, a caret. Long lines are cut around it.
std::string excerpt(std::string_view line, std::uint32_t column) {
    std::string shown;
    std::string caret;
    std::uint32_t at = 0;
    for (const char c : line) {
        if (!continues_character(c)) ++at;
        if (column > kMaxLine && at + kMaxLine / 2 < column) continue;
        if (at > column + kMaxLine / 2 && shown.size() > kMaxLine) {
            if (continues_character(c)) continue;
            break;
        }
        shown.push_back(harmless(c));
        if (at < column && !continues_character(c)) caret.push_back(c == '\t' ? '\t' : ' ');
    }
    return concat("    ", shown, "\n    ", caret, "^\n");
}

std::string place_of(const std::string& name, const Finding& finding) {
    if (finding.line == 0) return name;
    return concat(name, ":", finding.line, ":", std::max(finding.column, 1U));
}

void append_text(std::string& text, const CheckedFile& file, const Finding& finding) {
    text += concat(place_of(file.source.name, finding), ": ", severity_name(finding), ": ",
                   finding.id, " ", finding.rule, ": ", finding.message, "\n");
    if (const auto line = line_of(file.source.bytes, finding.line);
        finding.line > 0 && !line.empty()) {
        text += excerpt(line, std::max(finding.column, 1U));
    }
    if (!finding.hint.empty()) text += concat("    hint: ", finding.hint, "\n");
}

std::string dump(const Json& json) {
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json or_null(std::uint32_t number) {
    return number == 0 ? Json(nullptr) : Json(number);
}

// ── SARIF ──

/// A relative reference or a file URI: RFC 3986's unreserved characters and slashes stay.
std::string uri_of(const std::string& path) {
    constexpr std::string_view kHex = "0123456789ABCDEF";
    std::string uri = path.starts_with('/') ? "file://" : "";
    for (const char c : path) {
        const auto byte = static_cast<unsigned char>(c);
        if ((byte < 0x80 && std::isalnum(byte) != 0) || std::string_view("-._~/").contains(c)) {
            uri.push_back(c);
        } else {
            uri += {'%', kHex[byte >> 4U], kHex[byte & 15U]};
        }
    }
    return uri;
}

Json sarif_rules() {
    Json rules = Json::array();
    for (const python::RuleText& rule : python::all_rules()) {
        Json described{{"id", rule.id},
                       {"name", rule.slug},
                       {"shortDescription", {{"text", concat("Refuses ", rule.title, ".")}}}};
        if (!rule.why.empty()) described["fullDescription"] = {{"text", rule.why}};
        if (!rule.instead.empty()) described["help"] = {{"text", rule.instead}};
        rules.push_back(std::move(described));
    }
    return rules;
}

std::size_t rule_index(const std::string& id) {
    const auto rules = python::all_rules();
    const auto found = std::ranges::find(rules, id, &python::RuleText::id);
    return static_cast<std::size_t>(found - rules.begin());
}

Json sarif_result(const CheckedFile& file, const Finding& finding) {
    Json location{{"artifactLocation", {{"uri", uri_of(file.source.name)}}}};
    if (finding.line > 0) {
        location["region"] = {{"startLine", finding.line},
                              {"startColumn", std::max(finding.column, 1U)}};
    }
    const std::string text =
        finding.hint.empty() ? finding.message : concat(finding.message, "; ", finding.hint);
    return {{"ruleId", finding.id},
            {"ruleIndex", rule_index(finding.id)},
            {"level", severity_name(finding)},
            {"message", {{"text", text}}},
            {"locations", Json::array({Json{{"physicalLocation", std::move(location)}}})}};
}

}  // namespace

std::string render_text(const std::vector<CheckedFile>& files) {
    std::string text;
    for (const CheckedFile& file : files) {
        for (const Finding& finding : file.findings)
            append_text(text, file, finding);
    }
    return text;
}

std::string render_json(const std::vector<CheckedFile>& files, const std::string& policy) {
    Json list = Json::array();
    Json names = Json::array();
    for (const CheckedFile& file : files) {
        const bool is_refused = std::ranges::any_of(file.findings, [](const Finding& finding) {
            return finding.severity == Severity::kError;
        });
        names.push_back({{"file", file.source.name}, {"accepted", !is_refused}});
        for (const Finding& finding : file.findings) {
            list.push_back({{"file", file.source.name},
                            {"id", finding.id},
                            {"rule", finding.rule},
                            {"message", finding.message},
                            {"hint", finding.hint},
                            {"line", or_null(finding.line)},
                            {"column", or_null(finding.column)},
                            {"severity", severity_name(finding)}});
        }
    }
    return dump({{"schema", "vitrine.check.v1"},
                 {"policy", policy},
                 {"files", std::move(names)},
                 {"findings", std::move(list)}});
}

std::string render_sarif(const std::vector<CheckedFile>& files) {
    Json results = Json::array();
    for (const CheckedFile& file : files) {
        for (const Finding& finding : file.findings)
            results.push_back(sarif_result(file, finding));
    }
    const Json driver{{"name", "vitrine"}, {"version", VITRINE_VERSION}, {"rules", sarif_rules()}};
    Json run;
    run["tool"]["driver"] = driver;
    run["columnKind"] = "unicodeCodePoints";
    run["results"] = std::move(results);
    Json log{{"$schema", "https://json.schemastore.org/sarif-2.1.0.json"}, {"version", "2.1.0"}};
    log["runs"] = Json::array({std::move(run)});
    return dump(log);
}

}  // namespace vitrine::cli
