// vitrine profile diff: which calls a second profile treats otherwise than a first.
#include <algorithm>
#include <array>

#include "base/error.h"
#include "cli/profile_verbs.h"
#include "seccomp/diff.h"

namespace vitrine::cli {

namespace {

using seccomp::Change;
using seccomp::Difference;
using seccomp::Study;

struct ChangeWords {
    Change change;
    const char* key;
    const char* title;
};
constexpr std::array<ChangeWords, 4> kChanges{
    {{Change::kGained, "gained", "let through by B, not by A"},
     {Change::kLost, "lost", "let through by A, not by B"},
     {Change::kExchanged, "exchanged", "let through by each with arguments of its own"},
     {Change::kRefused, "refused", "refused by both, but otherwise"}}};

/// `docker-default: allow if arg0 == 1, else …; hardened: …`
std::string describe_side(std::span<const Study> studies, std::span<const seccomp::Fate> fates) {
    std::string text;
    for (std::size_t i = 0; i < studies.size(); ++i) {
        text += concat(i == 0 ? "" : "; ", studies.size() > 1 ? studies[i].name + ": " : "",
                       describe_fate(fates[i]));
    }
    return text;
}

std::string describe_call(const Difference& difference) {
    std::string arguments;
    // Zeros at the end tell nothing.
    std::size_t count = difference.example.size();
    while (count > 1 && difference.example[count - 1] == 0)
        --count;
    for (std::size_t i = 0; i < count; ++i)
        arguments += concat(i == 0 ? "" : ", ", difference.example[i]);
    return concat(difference.call.name, "(", arguments, ")");
}

void print_difference(const Difference& difference, std::span<const Study> first,
                      std::span<const Study> second) {
    print(concat("  ", difference.call.name, difference.is_total ? "" : ", for some arguments",
                 "\n"));
    if (difference.is_total && difference.change != Change::kRefused) return;
    print(concat("    A: ", describe_side(first, difference.first_fates), "\n",
                 "    B: ", describe_side(second, difference.second_fates), "\n"));
    if (difference.is_total) return;
    print(concat("    such as ", describe_call(difference), ": ",
                 seccomp::describe_outcome(difference.first), ", then ",
                 seccomp::describe_outcome(difference.second), "\n"));
}

Json sides_to_json(std::span<const Study> studies, std::span<const seccomp::Fate> fates) {
    Json sides = Json::array();
    for (std::size_t i = 0; i < studies.size(); ++i)
        sides.push_back(to_json(fates[i], studies[i].name));
    return sides;
}

Json diff_to_json(const Difference& difference, std::span<const Study> first,
                  std::span<const Study> second) {
    const auto words = std::ranges::find(kChanges, difference.change, &ChangeWords::change);
    return {{"name", difference.call.name},
            {"number", difference.call.number},
            {"change", words->key},
            {"all_arguments", difference.is_total},
            {"example",
             {{"arguments", difference.example},
              {"a", seccomp::describe_outcome(difference.first)},
              {"b", seccomp::describe_outcome(difference.second)}}},
            {"a", sides_to_json(first, difference.first_fates)},
            {"b", sides_to_json(second, difference.second_fates)}};
}

void print_all(std::span<const Difference> differences, std::span<const Study> first,
               std::span<const Study> second) {
    for (const ChangeWords& words : kChanges) {
        const auto count = std::ranges::count(differences, words.change, &Difference::change);
        if (count == 0) continue;
        print(concat(count, " ", words.title, ":\n"));
        for (const Difference& difference : differences) {
            if (difference.change == words.change) print_difference(difference, first, second);
        }
    }
    if (differences.empty()) print("no difference in effect\n");
}

}  // namespace

int diff_profiles(const ProfileRequest& request) {
    const std::vector<Study> first = study_profile(request.words[0], request.host);
    const std::vector<Study> second = study_profile(request.words[1], request.host);
    const std::vector<Difference> differences = seccomp::compare(first, second, *request.host.arch);
    if (!request.is_json) {
        print_all(differences, first, second);
        return 0;
    }
    Json all = Json::array();
    for (const Difference& difference : differences)
        all.push_back(diff_to_json(difference, first, second));
    print_json(Json{{"host", to_json(request.host)}, {"differences", std::move(all)}});
    return 0;
}

}  // namespace vitrine::cli
