#include "python/findings.h"

#include <algorithm>

namespace vitrine::python {

namespace {

constexpr std::size_t kMaxFindings = 100;

}  // namespace

void FindingList::add(const Node& node, Rule rule, std::string message, std::string_view hint) {
    if (findings_.size() > kMaxFindings) return;
    if (findings_.size() == kMaxFindings) {
        findings_.push_back(make_finding(Rule::kTooManyFindings,
                                         "there are more findings; these are the first 100"));
        return;
    }
    Finding finding = make_finding(rule, std::move(message), hint);
    finding.line = node.line;
    finding.column = node.line == 0 ? 0 : column_of(node);
    findings_.push_back(std::move(finding));
}

void FindingList::forget_since(std::size_t size) {
    findings_.erase(findings_.begin() + static_cast<std::ptrdiff_t>(size), findings_.end());
}

std::vector<Finding> FindingList::take() {
    const auto end = findings_.size() > kMaxFindings ? findings_.end() - 1 : findings_.end();
    // Of equal places the first found stays first.
    for (auto next = findings_.begin(); next != end; ++next) {
        const auto place = std::ranges::upper_bound(
            findings_.begin(), next, std::pair(next->line, next->column), {},
            [](const Finding& finding) { return std::pair(finding.line, finding.column); });
        std::rotate(place, next, next + 1);
    }
    return std::move(findings_);
}

std::uint32_t FindingList::column_of(const Node& node) const {
    std::size_t start = 0;
    for (std::uint32_t line = 1; line < node.line; ++line) {
        const std::size_t end = source_.find('\n', start);
        if (end == std::string_view::npos) return 1;
        start = end + 1;
    }
    const std::string_view before = source_.substr(start, node.offset);
    const auto continuation = std::ranges::count_if(
        before, [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) == 0x80U; });
    return static_cast<std::uint32_t>(before.size()) - static_cast<std::uint32_t>(continuation) + 1;
}

}  // namespace vitrine::python
