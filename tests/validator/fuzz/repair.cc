#include "validator/fuzz/repair.h"

#include <algorithm>
#include <set>
#include <sstream>

namespace vitrine::test {

namespace {

std::size_t indent_of(const std::string& line) {
    return std::min(line.find_first_not_of(' '), line.size());
}

bool is_blank(const std::string& line) {
    return indent_of(line) == line.size();
}

}  // namespace

std::string without_refused_lines(const std::string& source, const std::vector<Finding>& findings) {
    std::set<std::uint32_t> refused;
    for (const Finding& finding : findings)
        refused.insert(finding.line);
    std::istringstream lines(source);
    std::string text;
    std::uint32_t number = 0;
    std::size_t dropped_below = std::string::npos;  // Deeper lines than this go, too.
    for (std::string line; std::getline(lines, line);) {
        ++number;
        const std::size_t indent = indent_of(line);
        if (dropped_below != std::string::npos && (is_blank(line) || indent > dropped_below)) {
            continue;
        }
        dropped_below = std::string::npos;
        if (!refused.contains(number)) {
            text += line + "\n";
            continue;
        }
        const bool is_decorator = line.substr(indent).starts_with('@');
        if (!is_decorator) text += std::string(indent, ' ') + "pass\n";
        if (line.ends_with(':')) dropped_below = indent;
    }
    return text;
}

}  // namespace vitrine::test
