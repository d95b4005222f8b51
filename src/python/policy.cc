#include "python/policy.h"

#include <algorithm>

#include "base/error.h"

namespace vitrine::python {

namespace {

struct CheckedKind {
    std::string_view name;
    CheckedText::Kind kind;
};
constexpr std::array<CheckedKind, 3> kCheckedKinds{{{"identifier", CheckedText::Kind::kIdentifier},
                                                    {"type", CheckedText::Kind::kType},
                                                    {"attribute", CheckedText::Kind::kAttribute}}};

}  // namespace

std::optional<CheckedText> parse_checked(std::string_view word) {
    const std::size_t first = word.find(':');
    if (first == std::string_view::npos || first == 0) return std::nullopt;
    const std::size_t second = word.find(':', first + 1);
    if (second != first + 2 || word[first + 1] < '0' || word[first + 1] > '9') return std::nullopt;
    const auto kind = std::ranges::find(kCheckedKinds, word.substr(second + 1), &CheckedKind::name);
    if (kind == kCheckedKinds.end()) return std::nullopt;
    return CheckedText{.path = word.substr(0, first),
                       .index = static_cast<std::uint32_t>(word[first + 1] - '0'),
                       .kind = kind->kind};
}

NameSet::NameSet(std::string_view text) {
    constexpr std::string_view kSpace = " \t\n\r";
    text_.reserve(text.size() + 2);
    for (std::size_t at = text.find_first_not_of(kSpace); at != std::string_view::npos;
         at = text.find_first_not_of(kSpace, at)) {
        const std::size_t end = std::min(text.find_first_of(kSpace, at), text.size());
        text_ += text.substr(at, end - at);
        text_ += ' ';
        at = end;
    }
}

bool NameSet::contains(std::string_view name) const {
    if (name.empty() || name.find(' ') != std::string_view::npos) return false;
    const std::string_view text = text_;
    for (std::size_t at = text.find(name); at != std::string_view::npos;
         at = text.find(name, at + 1)) {
        // There is a space before and after every name.
        if (text[at - 1] == ' ' && text[at + name.size()] == ' ') return true;
    }
    return false;
}

std::vector<std::string_view> NameSet::names() const {
    std::vector<std::string_view> names;
    const std::string_view text = text_;
    for (std::size_t at = 1; at < text.size();) {
        const std::size_t end = text.find(' ', at);
        names.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return names;
}

const ModuleRule* Policy::find_module(std::string_view module) const {
    const auto found = std::ranges::lower_bound(modules, module, {}, &ModuleRule::name);
    return found != modules.end() && found->name == module ? &*found : nullptr;
}

const CallRule* Policy::find_call(std::string_view function) const {
    const auto found = std::ranges::lower_bound(calls, function, {}, &CallRule::function);
    return found != calls.end() && found->function == function ? &*found : nullptr;
}

void write(WireWriter& writer, const Policy& policy) {
    writer.put(policy.enabled);
    writer.put(policy.name);
    writer.put(policy.max_source_bytes);
    writer.put(policy.max_depth);
    writer.put(policy.max_nodes);
    writer.put(static_cast<std::uint64_t>(policy.modules.size()));
    for (const ModuleRule& module : policy.modules) {
        writer.put(module.name);
        writer.put(module.only_for_names);
        for (const ModuleSet& known : kModuleSets)
            writer.put((module.*known.set).text());
    }
    writer.put(static_cast<std::uint64_t>(policy.calls.size()));
    for (const CallRule& call : policy.calls) {
        writer.put(call.function);
        writer.put(call.kind);
        writer.put(call.index);
    }
    for (const PolicySet& known : kPolicySets)
        writer.put((policy.*known.set).text());
}

Policy read_policy(WireReader& reader) {
    Policy policy;
    policy.enabled = reader.get<bool>();
    policy.name = reader.get_string();
    policy.max_source_bytes = reader.get<std::uint64_t>();
    policy.max_depth = reader.get<std::uint32_t>();
    policy.max_nodes = reader.get<std::uint32_t>();
    for (auto count = reader.get<std::uint64_t>(); count > 0; --count) {
        ModuleRule& module = policy.modules.emplace_back();
        module.name = reader.get_string();
        module.only_for_names = reader.get<bool>();
        for (const ModuleSet& known : kModuleSets)
            module.*known.set = NameSet::from_wire(reader.get_view());
    }
    for (auto count = reader.get<std::uint64_t>(); count > 0; --count) {
        CallRule& call = policy.calls.emplace_back();
        call.function = reader.get_string();
        call.kind = reader.get<CallRule::Kind>();
        call.index = reader.get<std::uint32_t>();
    }
    for (const PolicySet& known : kPolicySets)
        policy.*known.set = NameSet::from_wire(reader.get_view());
    return policy;
}

}  // namespace vitrine::python
