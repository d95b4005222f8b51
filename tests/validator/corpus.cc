#include "validator/corpus.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/error.h"

namespace vitrine::test {

namespace {

constexpr std::string_view kHeader = "=== ";
constexpr std::string_view kExpects = "# expects: ";
constexpr std::string_view kAtRunTime = "# stopped at run time";
constexpr std::string_view kAlsoAtRunTime = "# also stopped at run time";
constexpr std::string_view kWithoutEffect = "# without effect: ";

void take_line(Case& program, const std::string& line) {
    program.source += line + "\n";
    if (line.starts_with(kExpects)) program.expects = line.substr(kExpects.size());
    if (line == kAtRunTime) program.is_stopped_at_run_time = true;
    if (line == kAlsoAtRunTime) program.is_also_stopped_at_run_time = true;
    if (line.starts_with(kWithoutEffect)) {
        program.without_effect = line.substr(kWithoutEffect.size());
    }
}

void read_file_of_cases(const std::filesystem::path& path, std::vector<Case>& cases) {
    std::ifstream file(path);
    const std::string family = path.stem();
    bool has_begun = false;
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with(kHeader)) {
            cases.push_back({.family = family, .name = line.substr(kHeader.size())});
            has_begun = true;
        } else if (has_begun) {
            take_line(cases.back(), line);
        } else {
            throw Error(concat("'", path.string(), "' does not begin with a '", kHeader, "' line"));
        }
    }
}

}  // namespace

std::vector<Case> read_corpus(const std::string& kind) {
    std::vector<std::filesystem::path> paths;
    for (const auto& entry : std::filesystem::directory_iterator(
             concat(VITRINE_SOURCE_ROOT "/tests/validator/", kind))) {
        paths.push_back(entry.path());
    }
    std::ranges::sort(paths);
    std::vector<Case> cases;
    for (const auto& path : paths)
        read_file_of_cases(path, cases);
    return cases;
}

std::string title(const Case& program) {
    return concat(program.family, ": ", program.name);
}

void PrintTo(const Case& program, std::ostream* out) {
    *out << title(program);
}

bool is_scientific(const Case& program) {
    return program.source.find("numpy") != std::string::npos ||
           program.source.find("pandas") != std::string::npos;
}

}  // namespace vitrine::test
