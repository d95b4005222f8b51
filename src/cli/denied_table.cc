#include "cli/denied_table.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/error.h"

namespace vitrine::cli {

namespace {

using Row = std::array<std::string, 4>;

std::string text_of(std::uint64_t value) {
    if (value < 1024) return std::to_string(value);
    std::array<char, 16> digits;
    const auto end = std::to_chars(digits.begin(), digits.end(), value, 16).ptr;
    return concat("0x", std::string_view(digits.begin(), end));
}

std::string arguments_of(const DeniedCall& call) {
    std::string text;
    for (const std::uint64_t argument : call.arguments)
        text += concat(text.empty() ? "" : ", ", text_of(argument));
    return text.empty() ? text : concat("(", text, ")");
}

Row row_of(const DeniedCall& call) {
    const bool is_native = call.architecture.empty() || call.architecture == "x86_64" ||
                           call.architecture == "aarch64";
    return {is_native ? call.name : concat(call.name, "/", call.architecture),
            call.number < 0 ? "" : errno_name(call.error_number), std::to_string(call.count),
            arguments_of(call)};
}

std::string line_of(const Row& row, const std::array<std::size_t, 4>& widths) {
    std::string line = " ";
    for (std::size_t i = 0; i < row.size(); ++i) {
        line += concat(" ", row.at(i));
        if (i + 1 < row.size()) line.append(widths.at(i) - row.at(i).size() + 1, ' ');
    }
    return line.substr(0, line.find_last_not_of(' ') + 1);
}

}  // namespace

std::vector<std::string> denied_table(const Result& result) {
    if (result.denied.empty()) return {"the filter denied no system call"};
    std::vector<Row> rows{{"call", "errno", "times", "arguments of the first"}};
    for (const DeniedCall& call : result.denied)
        rows.push_back(row_of(call));
    std::array<std::size_t, 4> widths{};
    for (const Row& row : rows) {
        for (std::size_t i = 0; i < row.size(); ++i)
            widths.at(i) = std::max(widths.at(i), row.at(i).size());
    }
    std::vector<std::string> lines{
        concat("system calls that the filter denied (", result.isolation.seccomp_profile, "):"),
        line_of(rows.front(), widths)};
    for (std::size_t i = 0; i < result.denied.size(); ++i) {
        lines.push_back(line_of(rows[i + 1], widths));
        const DeniedCall& call = result.denied[i];
        if (!call.rule.empty()) lines.push_back(concat("      denied by ", call.rule));
        if (!call.allowed_by.empty())
            lines.push_back(concat("      to allow it: ", call.allowed_by));
    }
    return lines;
}

}  // namespace vitrine::cli
