#include "seccomp/compile.h"

#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>

#include "base/error.h"
#include "base/fd.h"
#include "seccomp/calls.h"
#include "seccomp/newer_calls.h"

namespace vitrine::seccomp {

namespace {

using Context = std::unique_ptr<void, decltype(&seccomp_release)>;

constexpr std::size_t kMaxProgramBytes = std::size_t{BPF_MAXINSNS} * sizeof(sock_filter);

void require(int outcome, const std::string& doing) {
    if (outcome < 0) throw Error(concat("libseccomp: ", doing, ": ", std::strerror(-outcome)));
}

scmp_compare to_libseccomp(Operator op) {
    switch (op) {
        case Operator::kNotEqual:
            return SCMP_CMP_NE;
        case Operator::kLess:
            return SCMP_CMP_LT;
        case Operator::kLessOrEqual:
            return SCMP_CMP_LE;
        case Operator::kEqual:
            return SCMP_CMP_EQ;
        case Operator::kGreaterOrEqual:
            return SCMP_CMP_GE;
        case Operator::kGreater:
            return SCMP_CMP_GT;
        case Operator::kMaskedEqual:
            break;
    }
    return SCMP_CMP_MASKED_EQ;
}

std::uint32_t token_of(const Architecture& arch) {
    const std::uint32_t token = seccomp_arch_resolve_name(arch.short_name);
    if (token == 0) {
        throw UsageError(concat("libseccomp ", libseccomp_version(), " does not know ", arch.name),
                         "leave the architecture out, or use a newer libseccomp");
    }
    return token;
}

/// A filter of the profile's default for `arches`, without rules.
Context start(const ResolvedProfile& profile, std::span<const Architecture* const> arches) {
    Context context(seccomp_init(outcome_of(profile.default_action, profile.default_errno)),
                    &seccomp_release);
    if (!context) throw Error("libseccomp: cannot start a filter");
    require(seccomp_attr_set(context.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS),
            "setting the action for foreign architectures");
    // First out, then in: a filter holds architectures of one byte order.
    require(seccomp_arch_remove(context.get(), SCMP_ARCH_NATIVE), "choosing architectures");
    for (const Architecture* arch : arches)
        require(seccomp_arch_add(context.get(), token_of(*arch)), concat("adding ", arch->name));
    return context;
}

void add_rule(const Context& context, const ResolvedRule& rule, int number) {
    std::vector<scmp_arg_cmp> comparisons;
    for (const Condition& condition : rule.conditions) {
        comparisons.push_back({.arg = condition.index,
                               .op = to_libseccomp(condition.op),
                               .datum_a = condition.value,
                               .datum_b = condition.value_two});
    }
    const int outcome =
        seccomp_rule_add_array(context.get(), outcome_of(rule.action, rule.errno_value), number,
                               static_cast<unsigned>(comparisons.size()), comparisons.data());
    if (outcome == -EEXIST) {
        throw UsageError(
            concat("syscalls[", rule.source, "]: contradicts another rule for ", rule.name),
            "one call with the same conditions can have one action only");
    }
    require(outcome, concat("adding a rule for ", rule.name));
}

/// Adds the rules to a filter for the native architecture alone, where numbers do.
bool add_native_rules(const Context& context, const ResolvedProfile& profile) {
    bool has_rules = false;
    for (const ResolvedRule& rule : profile.rules) {
        const auto number = call_number(rule.name, native_architecture());
        if (!number) continue;
        add_rule(context, rule, static_cast<int>(*number));
        has_rules = true;
    }
    return has_rules;
}

/// Adds the rules to a filter for other architectures. libseccomp goes by the native number of a
/// call, or by a number of its own that stands for the name.
bool add_foreign_rules(const Context& context, const ResolvedProfile& profile) {
    bool has_rules = false;
    for (const ResolvedRule& rule : profile.rules) {
        const int number = seccomp_syscall_resolve_name(rule.name.c_str());
        if (number == __NR_SCMP_ERROR) continue;
        add_rule(context, rule, number);
        has_rules = true;
    }
    return has_rules;
}

/// One filter for all architectures: the native one has its own until they are merged, since
/// libseccomp could not translate the numbers of calls that it does not know.
std::pair<Context, bool> build(const ResolvedProfile& profile) {
    std::vector<const Architecture*> foreign = profile.architectures;
    const bool has_native = std::erase(foreign, &native_architecture()) > 0;
    if (!has_native) {
        Context context = start(profile, foreign);
        const bool has_rules = add_foreign_rules(context, profile);
        return {std::move(context), has_rules};
    }
    const std::array native{&native_architecture()};
    Context context = start(profile, native);
    bool has_rules = add_native_rules(context, profile);
    if (!foreign.empty()) {
        Context others = start(profile, foreign);
        has_rules |= add_foreign_rules(others, profile);
        require(seccomp_merge(context.get(), others.get()), "merging architectures");
        // The merged filter owns it now.
        [[maybe_unused]] void* const merged = others.release();
    }
    return {std::move(context), has_rules};
}

/// Whether the call can be made at all on `arch`, if only through `socketcall` or `ipc`.
bool exists_on(const std::string& name, const Architecture& arch) {
    if (call_number(name, arch)) return true;
    // libseccomp's numbers between these stand for parts of socketcall and ipc.
    const int number = seccomp_syscall_resolve_name_arch(token_of(arch), name.c_str());
    return number < __NR_SCMP_ERROR && number > -1000;
}

std::vector<std::string> skipped_names(const ResolvedProfile& profile) {
    std::vector<std::string> skipped;
    for (const std::string& name : profile.known_names) {
        std::vector<const Architecture*> lacking;
        for (const Architecture* arch : profile.architectures) {
            if (!exists_on(name, *arch)) lacking.push_back(arch);
        }
        if (lacking.size() == profile.architectures.size()) {
            skipped.push_back(name);
        } else if (seccomp_syscall_resolve_name(name.c_str()) == __NR_SCMP_ERROR) {
            for (const Architecture* arch : lacking)
                skipped.push_back(concat(name, " on ", arch->short_name));
        }
    }
    return skipped;
}

Program export_program(const Context& context) {
    const UniqueFd file(
        check(::memfd_create("filter", MFD_CLOEXEC), "exporting a filter", "memfd_create"));
    require(seccomp_export_bpf(context.get(), file.get()), "exporting the program");
    check(::lseek(file.get(), 0, SEEK_SET), "exporting a filter", "lseek");
    const std::string bytes = read_all(file.get(), kMaxProgramBytes);
    Program program(bytes.size() / sizeof(sock_filter));
    std::memcpy(program.data(), bytes.data(), program.size() * sizeof(sock_filter));
    return program;
}

}  // namespace

Compiled compile(const ResolvedProfile& profile, Order order) {
    const auto [context, has_rules] = build(profile);
    // A search tree cannot be made of nothing.
    if (has_rules && order == Order::kBinaryTree) {
        require(seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2), "optimising");
    }
    Compiled compiled{.program = refuse_newer_calls(profile), .skipped = skipped_names(profile)};
    Program program = export_program(context);
    // libseccomp writes for the machine the program is meant for.
    if (!has_our_byte_order(profile.architectures.front()->audit)) {
        program = in_other_byte_order(std::move(program));
    }
    compiled.program.insert(compiled.program.end(), program.begin(), program.end());
    if (compiled.program.size() > BPF_MAXINSNS) {
        throw UsageError(concat("the profile needs ", compiled.program.size(),
                                " instructions, and a filter may have ", BPF_MAXINSNS),
                         "join rules, or allow fewer calls by their arguments");
    }
    return compiled;
}

std::string libseccomp_version() {
    const scmp_version* version = seccomp_version();
    return concat(version->major, ".", version->minor, ".", version->micro);
}

}  // namespace vitrine::seccomp
