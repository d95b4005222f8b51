#include "cli/job_line.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.h"
#include "cli/json_line.h"
#include "cli/limit_flags.h"
#include "cli/suggest.h"
#include "runtime/job_defaults.h"

namespace vitrine::cli {

namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxId = 256;
constexpr std::size_t kShownKey = 64;

const std::array<std::string, 8> kKeys{"id",   "source", "path",   "entry",
                                       "args", "stdin",  "limits", "env"};

[[noreturn]] void refuse_type(const std::string& key, const char* wanted, const Json& value) {
    throw UsageError(concat("'", key, "' must be ", wanted, ", not ", describe_type(value)));
}

std::string hint_for(const std::string& name, std::span<const std::string> names) {
    const std::string near = nearest(name, names);
    if (!near.empty()) return concat("did you mean '", near, "'?");
    std::string list;
    for (const std::string& known : names)
        list += concat(list.empty() ? "" : ", ", known);
    return concat("there are: ", list);
}

/// Null says "not given", as programs that fill in a form write it.
const Json* member(const Json& object, const std::string& key) {
    const auto found = object.find(key);
    return found == object.end() || found->is_null() ? nullptr : &*found;
}

const Json* string_member(const Json& object, const std::string& key) {
    const Json* value = member(object, key);
    if (value != nullptr && !value->is_string()) refuse_type(key, "a string", *value);
    return value;
}

std::string without_nul(const std::string& key, std::string text) {
    if (text.find('\0') != std::string::npos) {
        throw UsageError(concat("'", key, "' holds a NUL character"));
    }
    return text;
}

void check_keys(const Json& object) {
    if (!object.is_object()) {
        throw UsageError(concat("a job is a JSON object, this is ", describe_type(object)),
                         R"x(write {"id": "1", "source": "print(1)"})x");
    }
    for (const auto& [key, value] : object.items()) {
        if (std::ranges::find(kKeys, key) != kKeys.end()) continue;
        throw UsageError(concat("unknown key '", key.substr(0, kShownKey), "'"),
                         hint_for(key.substr(0, kShownKey), kKeys));
    }
}

std::string read_id(const Json& object, std::uint64_t number) {
    const Json* value = string_member(object, "id");
    if (value == nullptr) return id_of_line(number);
    const auto& id = value->get_ref<const std::string&>();
    const bool is_printable =
        std::ranges::none_of(id, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
    if (id.empty() || id.size() > kMaxId || !is_printable) {
        throw UsageError("'id' is empty, has control characters or is longer than 256 bytes");
    }
    return id;
}

// ── the program and its input ──

void take_source(const Json& object, batch::Entry& entry) {
    const Json* source = string_member(object, "source");
    const Json* path = string_member(object, "path");
    if ((source == nullptr) == (path == nullptr)) {
        throw UsageError(source == nullptr ? "it has neither 'source' nor 'path'"
                                           : "it has both 'source' and 'path'",
                         "a job has one of them: the program, or the file it is in");
    }
    if (source != nullptr) {
        entry.job.source = {"<string>", source->get<std::string>()};
        return;
    }
    const std::string name = without_nul("path", path->get<std::string>());
    if (const auto problem = read_regular_script(name, entry.job.source)) {
        entry.answer = answer_to(*problem, entry.job.id);
    }
}

/// Without a function to call, they are the program's words.
void take_words(const Json& arguments, Job& job) {
    job.arguments.clear();
    for (const Json& word : arguments) {
        if (!arguments.is_array() || !word.is_string()) {
            throw UsageError("without 'entry', 'args' must be an array of strings: sys.argv",
                             "name the function to call with 'entry' or --entry");
        }
        job.arguments.push_back(without_nul("args", word.get<std::string>()));
    }
}

void take_arguments(const Json& arguments, std::string_view text, Job& job) {
    if (!arguments.is_structured()) refuse_type("args", "an array or an object", arguments);
    if (!job.entry) return take_words(arguments, job);
    job.entry->arguments_json = text.empty() ? arguments.dump() : std::string(text);
}

void take_input(const Json& object, const std::string& line, Job& job) {
    if (const Json* entry = string_member(object, "entry")) {
        if (!job.entry) job.entry.emplace();
        job.entry->function = without_nul("entry", entry->get<std::string>());
    }
    if (const Json* arguments = member(object, "args")) {
        take_arguments(*arguments, member_text(line, "args"), job);
    }
    if (const Json* text = string_member(object, "stdin"))
        job.stdin_text = text->get<std::string>();
}

// ── what it may use ──

std::string limit_text(const std::string& name, const Json& value) {
    if (value.is_string()) return value.get<std::string>();
    if (value.is_number()) return value.dump();
    refuse_type(name, "a string or a number", value);
}

void take_limit(const LimitFlag& flag, const Json& value, Limits& limits) {
    if (!value.is_array() || !flag.may_repeat) {
        return flag.set(limits, limit_text(flag.name, value));
    }
    for (const Json& item : value)
        flag.set(limits, limit_text(flag.name, item));
}

void take_limits(const Json& object, Limits& limits) {
    const Json* given = member(object, "limits");
    if (given == nullptr) return;
    if (!given->is_object()) refuse_type("limits", "an object", *given);
    const std::vector<std::string> names = limit_names();
    for (const auto& [name, value] : given->items()) {
        if (std::ranges::find(names, name) != names.end()) continue;
        throw UsageError(concat("unknown limit '", name.substr(0, kShownKey), "'"),
                         hint_for(name.substr(0, kShownKey), names));
    }
    for (const LimitFlag& flag : limit_flags()) {
        if (const Json* value = member(*given, flag.name)) {
            with_context(concat("limit '", flag.name, "'"),
                         [&] { take_limit(flag, *value, limits); });
        }
    }
}

void take_environment(const Json& object, const Environment& variables, Job& job) {
    job.environment = runtime::default_environment(job.limits);
    job.environment.insert(job.environment.end(), variables.begin(), variables.end());
    const Json* given = member(object, "env");
    if (given == nullptr) return;
    if (!given->is_object()) refuse_type("env", "an object", *given);
    for (const auto& [name, value] : given->items()) {
        if (!value.is_string()) refuse_type(concat("env.", name), "a string", value);
        if (name.empty() || name.find('=') != std::string::npos) {
            throw UsageError(concat("'env': '", name, "' is no name of a variable"));
        }
        job.environment.emplace_back(without_nul("env", name),
                                     without_nul("env", value.get<std::string>()));
    }
}

/// Each job's artifacts have a directory of their own, named by the id.
void place_artifacts(Job& job) {
    if (job.artifacts.empty()) return;
    const std::string framed = concat("/", job.id, "/");
    for (const char* part : {"//", "/./", "/../"}) {
        if (framed.find(part) == std::string::npos) continue;
        throw UsageError(concat("'", job.id, "' cannot name a directory for --artifacts"),
                         "use an id without empty parts, '.' and '..'");
    }
    job.artifacts += concat("/", job.id);
}

void take_everything(const Json& object, const std::string& line, const JobDefaults& defaults,
                     batch::Entry& entry) {
    check_keys(object);
    take_limits(object, entry.job.limits);
    take_environment(object, defaults.variables, entry.job);
    take_input(object, line, entry.job);
    place_artifacts(entry.job);
    take_source(object, entry);
}

/// The id, should it be one, of a line that may be wrong in any other way.
std::string id_or_line(const Json& object, std::uint64_t number) {
    try {
        return object.is_object() ? read_id(object, number) : id_of_line(number);
    } catch (const UsageError&) {
        return id_of_line(number);
    }
}

}  // namespace

std::string id_of_line(std::uint64_t number) {
    return concat("line-", number);
}

batch::Entry refuse_line(const std::string& id, std::uint64_t number, const Error& error) {
    batch::Entry entry{.line = number};
    constexpr int kSetupErrorExit = 125;
    entry.answer.emplace();
    entry.answer->exit_code = kSetupErrorExit;
    entry.answer->result.id = id;
    entry.answer->result.error =
        SetupError{.step = "job-line",
                   .message = number == 0 ? std::string(error.what())
                                          : concat("line ", number, ": ", error.what()),
                   .hint = error.hint()};
    return entry;
}

std::optional<batch::Entry> read_job_line(const JobDefaults& defaults, const std::string& line,
                                          std::uint64_t number, const IsDone& is_done) {
    std::string id = id_of_line(number);
    try {
        const Json object = parse_json_line(line);
        id = id_or_line(object, number);
        if (is_done(id)) return std::nullopt;
        if (object.is_object()) (void)read_id(object, number);
        batch::Entry entry{.job = defaults.job, .line = number};
        entry.job.id = id;
        take_everything(object, line, defaults, entry);
        return entry;
    } catch (const Error& error) {
        // Asked again it says the same, and of a line without an id it was not asked yet.
        if (is_done(id)) return std::nullopt;
        return refuse_line(id, number, error);
    }
}

std::optional<batch::Entry> read_arguments_line(const JobDefaults& defaults,
                                                const std::string& line, std::uint64_t number,
                                                const IsDone& is_done) {
    const std::string id = id_of_line(number);
    if (is_done(id)) return std::nullopt;
    try {
        const Json arguments = parse_json_line(line);
        batch::Entry entry{.job = defaults.job, .line = number};
        entry.job.id = id;
        take_arguments(arguments, line, entry.job);
        place_artifacts(entry.job);
        return entry;
    } catch (const Error& error) {
        return refuse_line(id, number, error);
    }
}

batch::Entry read_script_job(const JobDefaults& defaults, const std::string& path,
                             const std::string& id) {
    batch::Entry entry{.job = defaults.job};
    entry.job.id = id;
    // The path of a file below a directory: fit to name one, too.
    place_artifacts(entry.job);
    if (const auto problem = read_regular_script(path, entry.job.source)) {
        entry.answer = answer_to(*problem, id);
    }
    return entry;
}

}  // namespace vitrine::cli
