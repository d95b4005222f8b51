#include "python/policy_file.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "base/units.h"
#include "python/node_names.h"

namespace vitrine::python {

namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxPolicy = std::size_t{1} << 20;
constexpr int kMaxExtends = 4;

struct KindName {
    std::string_view name;
    CallRule::Kind kind;
    bool has_index;
};
constexpr std::array<KindName, 10> kKindNames{{{"name", CallRule::Kind::kName, true},
                                               {"names", CallRule::Kind::kNames, false},
                                               {"plain", CallRule::Kind::kPlain, true},
                                               {"keywords", CallRule::Kind::kKeywords, false},
                                               {"metaclass", CallRule::Kind::kMetaclass, false},
                                               {"iterated", CallRule::Kind::kIterated, false},
                                               {"default", CallRule::Kind::kDefault, false},
                                               {"file", CallRule::Kind::kMemoryFile, true},
                                               {"base", CallRule::Kind::kBase, false},
                                               {"options", CallRule::Kind::kOptions, true}}};

[[noreturn]] void refuse(const std::string& place, const std::string& problem) {
    throw UsageError(concat(place, ": ", problem), "docs/policy.schema.json describes the form");
}

const std::string& text_at(const Json& json, const std::string& place) {
    if (!json.is_string()) refuse(place, "must be a string");
    return json.get_ref<const std::string&>();
}

std::uint32_t count_at(const Json& json, const std::string& place) {
    if (!json.is_number_unsigned() || json.get<std::uint64_t>() == 0 ||
        json.get<std::uint64_t>() > 100'000'000) {
        refuse(place, "must be a whole number from 1 to 100000000");
    }
    return json.get<std::uint32_t>();
}

void apply_limits(const Json& json, Policy& policy) {
    if (!json.is_object()) refuse("limits", "must be an object");
    for (const auto& [key, value] : json.items()) {
        const std::string place = "limits." + key;
        if (key == "source") {
            policy.max_source_bytes =
                with_context(place, [&] { return parse_bytes(text_at(value, place)); });
        } else if (key == "depth") {
            policy.max_depth = count_at(value, place);
        } else if (key == "nodes") {
            policy.max_nodes = count_at(value, place);
        } else {
            refuse("limits", concat("unknown key '", key, "'"));
        }
    }
}

/// Names as text. Where each begins with `+` or `-` they change what is inherited; otherwise they
/// take its place.
NameSet changed_set(const NameSet& inherited, const std::string& text, const std::string& place) {
    NameSet given(text);
    const std::vector<std::string_view> words = given.names();
    const auto is_change = [](std::string_view word) { return word[0] == '+' || word[0] == '-'; };
    const auto changes = static_cast<std::size_t>(std::ranges::count_if(words, is_change));
    if (changes == 0) return given;
    if (changes != words.size()) {
        refuse(place, "either every name begins with '+' or '-', or none does");
    }
    std::string result;
    for (const std::string_view name : inherited.names()) {
        if (!given.contains(concat("-", name))) result += concat(name, " ");
    }
    for (const std::string_view word : words) {
        if (word[0] == '+') result += concat(word.substr(1), " ");
    }
    return NameSet(result);
}

void apply_module_key(const std::string& key, const Json& value, ModuleRule& module,
                      const std::string& place) {
    if (key == "only_for_names") {
        if (!value.is_boolean()) refuse(place, "must be true or false");
        module.only_for_names = value.get<bool>();
        return;
    }
    for (const ModuleSet& known : kModuleSets) {
        if (key == known.key) {
            module.*known.set = changed_set(module.*known.set, text_at(value, place), place);
            return;
        }
    }
    refuse(place, "unknown key");
}

ModuleRule changed_module(ModuleRule module, const Json& value, const std::string& place) {
    if (value.is_string()) {
        module.names = changed_set(module.names, text_at(value, place), place);
        return module;
    }
    if (!value.is_object()) refuse(place, "must be a string of names, an object, or null");
    for (const auto& [key, item] : value.items())
        apply_module_key(key, item, module, concat(place, ".", key));
    return module;
}

/// Null takes an inherited module away.
void apply_modules(const Json& json, Policy& policy) {
    if (!json.is_object()) refuse("modules", "must be an object");
    std::map<std::string, ModuleRule> all;
    for (const ModuleRule& module : policy.modules)
        all[module.name] = module;
    for (const auto& [name, value] : json.items()) {
        if (value.is_null()) {
            all.erase(name);
            continue;
        }
        ModuleRule& module = all[name];
        module.name = name;
        module = changed_module(module, value, concat("modules.", name));
    }
    policy.modules.clear();
    for (auto& [name, module] : all)
        policy.modules.push_back(std::move(module));
}

/// `name 1`, `names`, `plain 2`, `keywords`, `metaclass`, `iterated`, `default`, `file 0`, `base`,
/// `options 0`.
CallRule parse_call(const std::string& function, const std::string& text) {
    const std::string place = concat("calls.", function);
    const std::size_t space = text.find(' ');
    const std::string_view word = std::string_view(text).substr(0, space);
    const auto known = std::ranges::find(kKindNames, word, &KindName::name);
    const bool has_index = space != std::string::npos;
    if (known == kKindNames.end() || known->has_index != has_index) {
        refuse(place,
               "must be 'name N', 'names', 'plain N', 'keywords', 'metaclass', 'iterated', "
               "'default', 'file N', 'base' or 'options N'");
    }
    CallRule call{.function = function, .kind = known->kind};
    if (!has_index) return call;
    const std::string number = text.substr(space + 1);
    if (number.size() != 1 || number[0] < '0' || number[0] > '9') {
        refuse(place, "N must be a digit");
    }
    call.index = static_cast<std::uint32_t>(number[0] - '0');
    return call;
}

void apply_calls(const Json& json, Policy& policy) {
    if (!json.is_object()) refuse("calls", "must be an object");
    std::map<std::string, CallRule> all;
    for (const CallRule& call : policy.calls)
        all[call.function] = call;
    for (const auto& [function, value] : json.items()) {
        if (value.is_null()) {
            all.erase(function);
        } else {
            all[function] = parse_call(function, text_at(value, concat("calls.", function)));
        }
    }
    policy.calls.clear();
    for (auto& [function, call] : all)
        policy.calls.push_back(std::move(call));
}

void apply_key(const std::string& key, const Json& value, Policy& policy) {
    if (key == "limits") return apply_limits(value, policy);
    if (key == "modules") return apply_modules(value, policy);
    if (key == "calls") return apply_calls(value, policy);
    if (key == "description" || key == "extends" || key == "$schema") {
        return (void)text_at(value, key);
    }
    for (const PolicySet& known : kPolicySets) {
        if (key == known.key) {
            policy.*known.set = changed_set(policy.*known.set, text_at(value, key), key);
            return;
        }
    }
    refuse("the policy", concat("unknown key '", key, "'"));
}

void check_modules(const Policy& policy) {
    for (const ModuleRule& module : policy.modules) {
        for (const std::string_view word : module.checked.names()) {
            if (parse_checked(word)) continue;
            refuse(concat("modules.", module.name, ".checked"),
                   concat("'", word, "' is not of the form path:N:identifier, path:N:type or ",
                          "path:N:attribute"));
        }
    }
}

void check_complete(const Policy& policy) {
    check_modules(policy);
    if (policy.max_source_bytes == 0 || policy.max_depth == 0 || policy.max_nodes == 0) {
        refuse("limits", "'source', 'depth' and 'nodes' must all be given, here or by 'extends'");
    }
    for (const PolicySet& known : kPolicySets) {
        const bool may_be_empty = known.set == &Policy::refused_syntax;
        if ((policy.*known.set).empty() && !may_be_empty) {
            refuse(known.key, "is missing; extend a built-in policy");
        }
    }
    for (const std::string_view name : policy.refused_syntax.names()) {
        if (!is_node_type(name)) {
            refuse(
                "refused_syntax",
                concat("'", name, "' is no node type of CPython's grammar (see its ast module)"));
        }
    }
}

std::string path_of(const std::string& name_or_path, const std::string& directory) {
    if (name_or_path.find('/') != std::string::npos) return name_or_path;
    const std::vector<std::string> known = built_in_policies(directory);
    if (std::ranges::find(known, name_or_path) == known.end()) {
        std::string list;
        for (const std::string& name : known)
            list += name + ", ";
        throw UsageError(
            concat("unknown policy '", name_or_path, "'"),
            concat("built in: ", list, "off; a file needs a '/' in its name: ./", name_or_path));
    }
    return concat(directory, "/", name_or_path, ".json");
}

Json parse_json(const std::string& text) {
    try {
        return Json::parse(text);
    } catch (const Json::exception& error) {
        const std::string what = error.what();
        throw UsageError(concat("not valid JSON: ", what.substr(what.find("] ") + 2)));
    }
}

Policy load(const std::string& name_or_path, const std::string& directory, int depth) {
    if (depth > kMaxExtends) refuse("extends", "goes round in a circle");
    const Json json = parse_json(read_file(path_of(name_or_path, directory), kMaxPolicy));
    if (!json.is_object()) refuse("the policy", "must be a JSON object");
    Policy policy;
    if (json.contains("extends")) {
        policy = load(text_at(json.at("extends"), "extends"), directory, depth + 1);
    }
    for (const auto& [key, value] : json.items())
        apply_key(key, value, policy);
    return policy;
}

}  // namespace

Policy load_policy(const std::string& name_or_path, const std::string& policies_directory) {
    if (name_or_path == "off") return {};
    return with_context(concat("policy '", name_or_path, "'"), [&] {
        Policy policy = load(name_or_path, policies_directory, 0);
        check_complete(policy);
        policy.enabled = true;
        policy.name = name_or_path;
        return policy;
    });
}

std::vector<std::string> built_in_policies(const std::string& policies_directory) {
    std::vector<std::string> names;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(policies_directory, ignored)) {
        if (entry.path().extension() == ".json") names.push_back(entry.path().stem());
    }
    std::ranges::sort(names);
    return names;
}

}  // namespace vitrine::python
