#include "seccomp/profile.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "seccomp/arch.h"

namespace vitrine::seccomp {

namespace {

using Json = nlohmann::ordered_json;

constexpr int kMaxDepth = 32;
constexpr unsigned kMaxErrno = 4095;
/// Docker's has 450. Far more would keep libseccomp busy for minutes.
constexpr std::size_t kMaxNames = 16384;

template <typename Value>
struct Name {
    const char* text;
    Value value;
};

constexpr std::array<Name<Action>, 8> kActions{{{"SCMP_ACT_ALLOW", Action::kAllow},
                                                {"SCMP_ACT_ERRNO", Action::kErrno},
                                                {"SCMP_ACT_LOG", Action::kLog},
                                                {"SCMP_ACT_TRAP", Action::kTrap},
                                                {"SCMP_ACT_TRACE", Action::kTrace},
                                                {"SCMP_ACT_KILL", Action::kKillThread},
                                                {"SCMP_ACT_KILL_THREAD", Action::kKillThread},
                                                {"SCMP_ACT_KILL_PROCESS", Action::kKillProcess}}};

constexpr std::array<Name<Operator>, 7> kOperators{
    {{"SCMP_CMP_NE", Operator::kNotEqual},
     {"SCMP_CMP_LT", Operator::kLess},
     {"SCMP_CMP_LE", Operator::kLessOrEqual},
     {"SCMP_CMP_EQ", Operator::kEqual},
     {"SCMP_CMP_GE", Operator::kGreaterOrEqual},
     {"SCMP_CMP_GT", Operator::kGreater},
     {"SCMP_CMP_MASKED_EQ", Operator::kMaskedEqual}}};

constexpr std::array kCapabilities{"CAP_CHOWN",
                                   "CAP_DAC_OVERRIDE",
                                   "CAP_DAC_READ_SEARCH",
                                   "CAP_FOWNER",
                                   "CAP_FSETID",
                                   "CAP_KILL",
                                   "CAP_SETGID",
                                   "CAP_SETUID",
                                   "CAP_SETPCAP",
                                   "CAP_LINUX_IMMUTABLE",
                                   "CAP_NET_BIND_SERVICE",
                                   "CAP_NET_BROADCAST",
                                   "CAP_NET_ADMIN",
                                   "CAP_NET_RAW",
                                   "CAP_IPC_LOCK",
                                   "CAP_IPC_OWNER",
                                   "CAP_SYS_MODULE",
                                   "CAP_SYS_RAWIO",
                                   "CAP_SYS_CHROOT",
                                   "CAP_SYS_PTRACE",
                                   "CAP_SYS_PACCT",
                                   "CAP_SYS_ADMIN",
                                   "CAP_SYS_BOOT",
                                   "CAP_SYS_NICE",
                                   "CAP_SYS_RESOURCE",
                                   "CAP_SYS_TIME",
                                   "CAP_SYS_TTY_CONFIG",
                                   "CAP_MKNOD",
                                   "CAP_LEASE",
                                   "CAP_AUDIT_WRITE",
                                   "CAP_AUDIT_CONTROL",
                                   "CAP_SETFCAP",
                                   "CAP_MAC_OVERRIDE",
                                   "CAP_MAC_ADMIN",
                                   "CAP_SYSLOG",
                                   "CAP_WAKE_ALARM",
                                   "CAP_BLOCK_SUSPEND",
                                   "CAP_AUDIT_READ",
                                   "CAP_PERFMON",
                                   "CAP_BPF",
                                   "CAP_CHECKPOINT_RESTORE"};

/// Flags of seccomp(2), and why each cannot be had. Empty: it changes nothing here.
struct Flag {
    const char* name;
    const char* reason;
};
constexpr std::array<Flag, 4> kFlags{{
    {"SECCOMP_FILTER_FLAG_TSYNC", ""},
    {"SECCOMP_FILTER_FLAG_LOG", "would fill the host's log at the job's will"},
    {"SECCOMP_FILTER_FLAG_SPEC_ALLOW", "would take a protection against Spectre away"},
    {"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", "needs a listener, which Vitrine does not offer"},
}};

[[noreturn]] void refuse(const std::string& path, const std::string& problem) {
    throw UsageError(concat(path.empty() ? "the profile" : path, ": ", problem),
                     "the form is Docker's: see docs.docker.com/engine/security/seccomp");
}

/// A JSON value together with where it is.
class Place {
  public:
    Place(const Json& json, std::string path) : json_(json), path_(std::move(path)) {}

    const Json& json() const { return json_; }
    const std::string& path() const { return path_; }

    void check_keys(std::initializer_list<std::string_view> known) const {
        if (!json_.is_object()) refuse(path_, "must be an object");
        for (const auto& [key, value] : json_.items()) {
            if (std::ranges::find(known, key) == known.end()) {
                refuse(path_, concat("unknown key '", key, "'"));
            }
        }
    }

    bool has(const char* key) const {
        const auto found = json_.find(key);
        return found != json_.end() && !found->is_null();
    }

    Place at(const char* key) const {
        if (!has(key)) refuse(path_, concat("'", key, "' is missing"));
        return {json_.at(key), path_.empty() ? key : concat(path_, ".", key)};
    }

    /// The elements of the list `key`; none when it is missing or null, as Docker takes it.
    std::vector<Place> list(const char* key) const {
        if (!has(key)) return {};
        const Place place = at(key);
        if (!place.json_.is_array()) refuse(place.path_, "must be a list");
        std::vector<Place> items;
        for (std::size_t i = 0; i < place.json_.size(); ++i) {
            items.emplace_back(place.json_[i], concat(place.path_, "[", i, "]"));
        }
        return items;
    }

    std::string text() const {
        if (!json_.is_string()) refuse(path_, "must be a string");
        return json_.get<std::string>();
    }

    std::uint64_t number(std::uint64_t highest) const {
        if (!json_.is_number_unsigned() || json_.get<std::uint64_t>() > highest) {
            refuse(path_, concat("must be a whole number from 0 to ", highest));
        }
        return json_.get<std::uint64_t>();
    }

    std::vector<std::string> texts(const char* key) const {
        std::vector<std::string> all;
        for (const Place& item : list(key))
            all.push_back(item.text());
        return all;
    }

  private:
    const Json& json_;
    std::string path_;
};

template <typename Value, std::size_t kCount>
Value look_up(const std::array<Name<Value>, kCount>& names, const Place& place, const char* kind) {
    const std::string text = place.text();
    for (const Name<Value>& name : names) {
        if (text == name.text) return name.value;
    }
    refuse(place.path(), concat("unknown ", kind, " '", text, "'"));
}

Action parse_action(const Place& place) {
    if (place.text() == "SCMP_ACT_NOTIFY") {
        refuse(place.path(), "SCMP_ACT_NOTIFY needs a listener, which Vitrine does not offer");
    }
    return look_up(kActions, place, "action");
}

std::string parse_architecture(const Place& place) {
    const std::string name = place.text();
    // `SCMP_ARCH_X86_64` alone, not the other spellings that find_architecture knows.
    const Architecture* arch = find_architecture(name);
    if (arch == nullptr || name != arch->name) {
        refuse(place.path(), concat("unknown architecture '", name, "'"));
    }
    return name;
}

std::vector<std::string> parse_architectures(const Place& place, const char* key) {
    std::vector<std::string> names;
    for (const Place& name : place.list(key))
        names.push_back(parse_architecture(name));
    return names;
}

void parse_all_architectures(const Place& place, Profile& profile) {
    profile.architectures = parse_architectures(place, "architectures");
    for (const Place& entry : place.list("archMap")) {
        entry.check_keys({"architecture", "subArchitectures"});
        profile.arch_map.push_back(
            {.architecture = parse_architecture(entry.at("architecture")),
             .sub_architectures = parse_architectures(entry, "subArchitectures")});
    }
    if (!profile.architectures.empty() && !profile.arch_map.empty()) {
        refuse(place.path(), "has both 'architectures' and 'archMap'");
    }
}

std::vector<std::string> parse_capabilities(const Place& place) {
    for (const Place& item : place.list("caps")) {
        const std::string name = item.text();
        if (!is_capability(name)) {
            refuse(item.path(), concat("unknown capability '", name, "'"));
        }
    }
    return place.texts("caps");
}

KernelVersion parse_version(const Place& place) {
    const std::string text = place.text();
    KernelVersion version;
    const char* end = text.data() + text.size();
    const auto major = std::from_chars(text.data(), end, version.major);
    if (major.ec == std::errc() && major.ptr != end && *major.ptr == '.') {
        const auto minor = std::from_chars(major.ptr + 1, end, version.minor);
        if (minor.ec == std::errc() && minor.ptr == end) return version;
    }
    refuse(place.path(), concat("'", text, "' is no kernel version such as 4.8"));
}

Filters parse_filters(const Place& rule, const char* key) {
    Filters filters;
    if (!rule.has(key)) return filters;
    const Place place = rule.at(key);
    place.check_keys({"caps", "arches", "minKernel"});
    filters.capabilities = parse_capabilities(place);
    filters.arches = place.texts("arches");
    if (place.has("minKernel")) filters.min_kernel = parse_version(place.at("minKernel"));
    return filters;
}

Condition parse_condition(const Place& place) {
    place.check_keys({"index", "value", "valueTwo", "op"});
    Condition condition;
    condition.index = static_cast<unsigned>(place.at("index").number(5));
    condition.value = place.at("value").number(~std::uint64_t{0});
    if (place.has("valueTwo")) {
        condition.value_two = place.at("valueTwo").number(~std::uint64_t{0});
    }
    condition.op = look_up(kOperators, place.at("op"), "operator");
    return condition;
}

unsigned errno_by_name(const Place& place) {
    const std::string name = place.text();
    for (unsigned number = 1; number <= kMaxErrno; ++number) {
        if (name.starts_with('E') && errno_name(static_cast<int>(number)) == name) return number;
    }
    refuse(place.path(), concat("unknown errno '", name, "'"));
}

/// An errno as Docker (`errnoRet: 1`) or podman (`errno: "EPERM"`) writes it, or both.
std::optional<unsigned> parse_errno(const Place& place, const char* number_key,
                                    const char* name_key, Action action) {
    std::optional<unsigned> number;
    if (place.has(number_key)) {
        number = static_cast<unsigned>(place.at(number_key).number(kMaxErrno));
    }
    if (place.has(name_key) && !place.at(name_key).text().empty()) {
        const unsigned named = errno_by_name(place.at(name_key));
        if (number && *number != named) {
            refuse(place.at(name_key).path(), concat("contradicts '", number_key, "'"));
        }
        number = named;
    }
    if (number && action != Action::kErrno && action != Action::kTrace) {
        const char* key = place.has(number_key) ? number_key : name_key;
        refuse(place.at(key).path(), concat("has no meaning with ", action_name(action)));
    }
    return number;
}

std::vector<std::string> parse_names(const Place& place) {
    std::vector<std::string> names = place.texts("names");
    if (place.has("name")) {
        if (!names.empty()) refuse(place.path(), "has both 'name' and 'names'");
        names.push_back(place.at("name").text());
    }
    if (names.empty()) refuse(place.path(), "names no system call");
    return names;
}

Rule parse_rule(const Place& place) {
    place.check_keys({"names", "name", "action", "errnoRet", "errno", "args", "comment", "includes",
                      "excludes"});
    Rule rule;
    rule.names = parse_names(place);
    rule.action = parse_action(place.at("action"));
    rule.errno_value = parse_errno(place, "errnoRet", "errno", rule.action);
    for (const Place& argument : place.list("args")) {
        rule.conditions.push_back(parse_condition(argument));
    }
    if (place.has("comment")) rule.comment = place.at("comment").text();
    rule.includes = parse_filters(place, "includes");
    rule.excludes = parse_filters(place, "excludes");
    return rule;
}

std::vector<Rule> parse_rules(const Place& place) {
    std::vector<Rule> rules;
    std::size_t names = 0;
    for (const Place& item : place.list("syscalls")) {
        rules.push_back(parse_rule(item));
        const Rule& rule = rules.back();
        names += rule.names.size() * std::max<std::size_t>(rule.conditions.size(), 1);
        if (names > kMaxNames) {
            refuse(item.path(), concat("the profile has more than ", kMaxNames, " names"));
        }
    }
    return rules;
}

void check_flags(const Place& profile) {
    for (const Place& item : profile.list("flags")) {
        const std::string name = item.text();
        const auto flag = std::ranges::find(kFlags, name, &Flag::name);
        if (flag == kFlags.end()) refuse(item.path(), concat("unknown flag '", name, "'"));
        const std::string_view reason = flag->reason;
        if (!reason.empty()) refuse(item.path(), concat(name, " ", reason));
    }
}

void check_listener(const Place& profile) {
    for (const char* key : {"listenerPath", "listenerMetadata"}) {
        if (!profile.has(key) || profile.at(key).text().empty()) continue;
        refuse(key, "would hand the job's calls to another program, which Vitrine does not do");
    }
}

/// nlohmann keeps the last of two equal keys without a word, and nests without end.
class StrictParse {
  public:
    bool operator()(int depth, Json::parse_event_t event, const Json& parsed) {
        if (depth > kMaxDepth) refuse("", concat("nested deeper than ", kMaxDepth, " levels"));
        if (event == Json::parse_event_t::object_start) keys_.emplace_back();
        if (event == Json::parse_event_t::object_end) keys_.pop_back();
        if (event == Json::parse_event_t::key && !keys_.back().insert(parsed).second) {
            refuse("", concat("the key '", parsed.get<std::string>(), "' is given twice"));
        }
        return true;
    }

  private:
    std::vector<std::set<std::string>> keys_;
};

Json parse_json(std::string_view text) {
    try {
        StrictParse strict;
        return Json::parse(text, [&strict](int depth, Json::parse_event_t event, Json& parsed) {
            return strict(depth, event, parsed);
        });
    } catch (const Json::exception& error) {
        const std::string what = error.what();
        throw UsageError(concat("not valid JSON: ", what.substr(what.find("] ") + 2)));
    }
}

/// An OCI config.json holds the profile at linux.seccomp.
Place find_profile(const Json& json) {
    if (json.is_object() && json.contains("ociVersion") && json.contains("linux")) {
        return Place(json, "").at("linux").at("seccomp");
    }
    return {json, ""};
}

}  // namespace

Profile parse_profile(std::string_view json) {
    const Json document = parse_json(json);
    const Place place = find_profile(document);
    place.check_keys({"defaultAction", "defaultErrnoRet", "defaultErrno", "archMap",
                      "architectures", "flags", "listenerPath", "listenerMetadata", "syscalls"});
    check_flags(place);
    check_listener(place);
    Profile profile;
    profile.default_action = parse_action(place.at("defaultAction"));
    profile.default_errno =
        parse_errno(place, "defaultErrnoRet", "defaultErrno", profile.default_action);
    parse_all_architectures(place, profile);
    profile.rules = parse_rules(place);
    return profile;
}

bool is_capability(std::string_view name) {
    return std::ranges::find(kCapabilities, name) != kCapabilities.end();
}

const char* action_name(Action action) {
    for (const Name<Action>& name : kActions) {
        if (name.value == action) return name.text;
    }
    return "SCMP_ACT_?";
}

std::string describe_action(Action action, std::optional<unsigned> errno_value) {
    switch (action) {
        case Action::kAllow:
            return "allow";
        case Action::kLog:
            return "log";
        case Action::kTrap:
            return "trap";
        case Action::kTrace:
            return "trace";
        case Action::kKillThread:
            return "kill thread";
        case Action::kKillProcess:
            return "kill process";
        case Action::kErrno:
            break;
    }
    const unsigned number = errno_value.value_or(kDefaultErrno);
    return concat("errno ", number, " (", errno_name(static_cast<int>(number)), ")");
}

}  // namespace vitrine::seccomp
