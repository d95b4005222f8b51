// vitrine profile explain: one call, its fate, and the rule behind it.
#include <algorithm>
#include <charconv>

#include "base/error.h"
#include "cli/profile_verbs.h"
#include "cli/suggest.h"
#include "seccomp/explain.h"

namespace vitrine::cli {

namespace {

using seccomp::Answer;
using seccomp::Explanation;

/// `38`, `0x26`.
std::uint64_t parse_argument(const std::string& text) {
    const bool is_hexadecimal = text.starts_with("0x") || text.starts_with("0X");
    const char* const end = text.data() + text.size();
    const char* const digits = text.data() + (is_hexadecimal ? 2 : 0);
    std::uint64_t value = 0;
    const auto parsed = std::from_chars(digits, end, value, is_hexadecimal ? 16 : 10);
    if (digits == end || parsed.ec != std::errc() || parsed.ptr != end) {
        throw UsageError(concat("'", text, "' is no argument of a system call"),
                         "numbers of 64 bits: 38, 0x26, -1");
    }
    return value;
}

seccomp::NamedCall look_up(const std::string& word, const seccomp::Architecture& arch) {
    try {
        return seccomp::find_call(word, arch);
    } catch (UsageError& error) {
        std::vector<std::string> names;
        for (const seccomp::NamedCall& call : seccomp::named_calls(arch))
            names.push_back(call.name);
        const std::string near = nearest(word, names);
        if (!near.empty()) error.suggest(concat("did you mean '", near, "'?"));
        throw;
    }
}

std::string describe_call(const Explanation& explanation) {
    std::string arguments;
    for (const std::uint64_t argument : explanation.arguments)
        arguments += concat(arguments.empty() ? "" : ", ", argument);
    const std::string& name = explanation.call.name;
    return concat(name.empty() ? concat("call ", explanation.call.number) : name, "(", arguments,
                  ")");
}

std::string describe_answer(const Answer& answer) {
    if (!answer.outcome) return describe_fate(answer.fate);
    return seccomp::describe_outcome(*answer.outcome);
}

void print_text(const Explanation& explanation) {
    print(concat(describe_call(explanation), " on ", explanation.call.arch->short_name, ", number ",
                 explanation.call.number, ": ",
                 explanation.outcome ? seccomp::describe_outcome(*explanation.outcome)
                                     : "depends on its arguments",
                 "\n"));
    for (const Answer& answer : explanation.answers) {
        print(concat("  ", padded(answer.profile, 16), describe_answer(answer)));
        if (answer.outcome) {
            print(concat("; ", seccomp::describe_reason(answer.basis, answer.rule, answer.fate)));
        }
        print("\n");
    }
}

Json answers_to_json(const Explanation& explanation) {
    Json answers = Json::array();
    for (const Answer& answer : explanation.answers) {
        Json one = to_json(answer.fate, answer.profile);
        one["outcome"] = answer.outcome ? Json(seccomp::describe_outcome(*answer.outcome)) : Json();
        one["rule"] = answer.rule ? Json(*answer.rule) : Json();
        answers.push_back(std::move(one));
    }
    return answers;
}

}  // namespace

int explain_call(const ProfileRequest& request) {
    const seccomp::NamedCall call = look_up(request.words[0], *request.host.arch);
    std::vector<std::uint64_t> arguments;
    for (const std::string& word : std::span(request.words).subspan(1))
        arguments.push_back(parse_argument(word));
    const Explanation explanation =
        seccomp::explain(study_profile(request.profile, request.host), call, arguments);
    if (!request.is_json) {
        print_text(explanation);
        return 0;
    }
    print_json(
        Json{{"host", to_json(request.host)},
             {"name", call.name},
             {"number", call.number},
             {"arguments", explanation.arguments},
             {"outcome",
              explanation.outcome ? Json(seccomp::describe_outcome(*explanation.outcome)) : Json()},
             {"profiles", answers_to_json(explanation)}});
    return 0;
}

}  // namespace vitrine::cli
