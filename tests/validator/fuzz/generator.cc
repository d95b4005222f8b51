#include "validator/fuzz/generator.h"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <set>
#include <sstream>

#include "base/error.h"

namespace vitrine::test {

namespace {

constexpr int kMaxDepth = 14;
constexpr int kMaxMutations = 5;

std::size_t below(std::size_t count, Random& random) {
    return std::uniform_int_distribution<std::size_t>(0, count - 1)(random);
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);)
        lines.push_back(line);
    return lines;
}

std::string joined(const std::vector<std::string>& lines) {
    std::string text;
    for (const std::string& line : lines)
        text += line + "\n";
    return text;
}

std::string with_new_lines(std::string_view production) {
    std::string text;
    for (std::size_t i = 0; i < production.size(); ++i) {
        const bool is_new_line = production.substr(i).starts_with("\\n");
        text += is_new_line ? '\n' : production[i];
        if (is_new_line) ++i;
    }
    return text;
}

bool is_of_name(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

/// Begin and length of every identifier-like piece.
std::vector<std::pair<std::size_t, std::size_t>> names_in(std::string_view text) {
    std::vector<std::pair<std::size_t, std::size_t>> found;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (!is_of_name(text[i])) continue;
        std::size_t end = i;
        while (end < text.size() && is_of_name(text[end]))
            ++end;
        if (std::isdigit(static_cast<unsigned char>(text[i])) == 0) found.emplace_back(i, end - i);
        i = end;
    }
    return found;
}

void indent_below(std::vector<std::string>& lines, const std::string& header) {
    for (std::string& line : lines)
        line.insert(0, "    ");
    lines.insert(lines.begin(), header);
}

}  // namespace

Grammar::Grammar(const std::string& path) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        if (line.empty() || line.front() == '#') continue;
        const std::size_t colon = line.find(':');
        if (colon == std::string::npos)
            throw Error(concat("'", path, "': no symbol in '", line, "'"));
        std::string production = line.substr(std::min(colon + 2, line.size()));
        std::size_t weight = 1;
        if (production.size() > 2 && production[1] == '*' && production[2] == ' ') {
            weight = static_cast<std::size_t>(production[0] - '0');
            production.erase(0, 3);
        }
        auto& all = productions_[line.substr(0, colon)];
        all.insert(all.end(), weight, with_new_lines(production));
    }
    if (productions_.empty()) throw Error(concat("'", path, "' holds no grammar"));
}

std::string Grammar::expand(std::string_view symbol, Random& random) const {
    std::string text;
    expand_into(text, symbol, 0, random);
    return text;
}

void Grammar::expand_into(std::string& text, std::string_view symbol, int depth,
                          Random& random) const {
    if (symbol == "block") return add_block(text, depth, random);
    const auto found = productions_.find(symbol);
    if (found == productions_.end())
        throw Error(concat("the grammar has no symbol '", symbol, "'"));
    const auto& all = found->second;
    std::string_view production = depth > kMaxDepth ? all.front() : all[below(all.size(), random)];
    while (!production.empty()) {
        const std::size_t open = std::min(production.find('<'), production.size());
        const std::size_t close = production.find('>', open);
        text += production.substr(0, open);
        if (close == std::string_view::npos) break;
        expand_into(text, production.substr(open + 1, close - open - 1), depth + 1, random);
        production.remove_prefix(close + 1);
    }
}

void Grammar::add_block(std::string& text, int depth, Random& random) const {
    const std::size_t statements = 1 + below(3, random);
    for (std::size_t i = 0; i < statements; ++i) {
        std::string statement;
        expand_into(statement, "stmt", depth + 3, random);
        for (const std::string& line : lines_of(statement))
            text += "\n    " + line;
    }
}

Mutator::Mutator(const Grammar& grammar, std::vector<std::string> programs)
    : grammar_(grammar), programs_(std::move(programs)) {
    std::set<std::string> names;
    for (const std::string& program : programs_) {
        for (const auto& [begin, length] : names_in(program))
            names.insert(program.substr(begin, length));
    }
    names_.assign(names.begin(), names.end());
}

const std::string& Mutator::any_program(Random& random) const {
    return programs_[below(programs_.size(), random)];
}

std::string Mutator::mutate(Random& random) const {
    std::vector<std::string> lines = lines_of(any_program(random));
    const std::size_t mutations = 1 + below(kMaxMutations, random);
    for (std::size_t i = 0; i < mutations && !lines.empty(); ++i)
        change(lines, random);
    return joined(lines);
}

void Mutator::replace_name(std::string& line, Random& random) const {
    const auto names = names_in(line);
    if (names.empty()) return;
    const auto [begin, length] = names[below(names.size(), random)];
    const bool from_grammar = below(2, random) == 0;
    line.replace(
        begin, length,
        from_grammar ? grammar_.expand("attr", random) : names_[below(names_.size(), random)]);
}

void Mutator::change(std::vector<std::string>& lines, Random& random) const {
    const std::size_t at = below(lines.size(), random);
    const auto place = lines.begin() + static_cast<std::ptrdiff_t>(at);
    switch (below(9, random)) {
        case 0:
            lines.erase(place);
            return;
        case 1:
            std::swap(lines[at], lines[below(lines.size(), random)]);
            return;
        case 2: {
            const auto others = lines_of(any_program(random));
            lines.insert(place, others.begin(), others.end());
            return;
        }
        case 3: {
            const std::string indent = lines[at].substr(0, lines[at].find_first_not_of(' '));
            lines.insert(place, indent + grammar_.expand("name", random) + " = " +
                                    grammar_.expand("expr", random));
            return;
        }
        case 4:
            indent_below(lines, "def wrapped(" + grammar_.expand("params", random) + "):");
            lines.emplace_back("wrapped(1)");
            return;
        case 5:
            return indent_below(lines, "class " + grammar_.expand("name", random) + ":");
        case 6:
            indent_below(lines, "try:");
            lines.emplace_back("except Exception as e:\n    print(e)");
            return;
        default:
            return replace_name(lines[at], random);
    }
}

}  // namespace vitrine::test
