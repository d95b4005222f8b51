#include "seccomp/calls.h"

#include <seccomp.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <string_view>

namespace vitrine::seccomp {

namespace {

/// Calls newer than libseccomp 2.5.4. From 424 on every architecture has the same numbers
/// (Linux, scripts/syscall.tbl), but for what some of them add; uretprobe and uprobe are
/// x86-64's own.
struct NewCall {
    const char* name;
    std::uint32_t number;
};
constexpr auto kNewCalls = std::to_array<NewCall>({
    {"statmount", 457},
    {"listmount", 458},
    {"lsm_get_self_attr", 459},
    {"lsm_set_self_attr", 460},
    {"lsm_list_modules", 461},
    {"mseal", 462},
    {"setxattrat", 463},
    {"getxattrat", 464},
    {"listxattrat", 465},
    {"removexattrat", 466},
    {"open_tree_attr", 467},
    {"file_getattr", 468},
    {"file_setattr", 469},
#ifdef __x86_64__
    {"uretprobe", 335},
    {"uprobe", 336},
#endif
});

/// Newer calls of other architectures alone: known, though without a number here.
constexpr auto kForeignNewCalls = std::to_array<std::string_view>({"riscv_hwprobe"});

std::uint32_t token_of(const Architecture& arch) {
    return seccomp_arch_resolve_name(arch.short_name);
}

}  // namespace

std::optional<std::uint32_t> call_number(const std::string& name, const Architecture& arch) {
    const int number = seccomp_syscall_resolve_name_arch(token_of(arch), name.c_str());
    if (number >= 0) return static_cast<std::uint32_t>(number);
    if (&arch != &native_architecture()) return std::nullopt;
    const auto found = std::ranges::find(kNewCalls, name, &NewCall::name);
    if (found == kNewCalls.end()) return std::nullopt;
    return found->number;
}

std::string call_name(std::uint32_t number, const Architecture& arch) {
    const std::unique_ptr<char, decltype(&std::free)> name(
        seccomp_syscall_resolve_num_arch(token_of(arch), static_cast<int>(number)), &std::free);
    if (name) return name.get();
    if (&arch != &native_architecture()) return {};
    const auto found = std::ranges::find(kNewCalls, number, &NewCall::number);
    return found == kNewCalls.end() ? std::string() : found->name;
}

bool is_known_call(const std::string& name) {
    return seccomp_syscall_resolve_name(name.c_str()) != __NR_SCMP_ERROR ||
           std::ranges::find(kNewCalls, name, &NewCall::name) != kNewCalls.end() ||
           std::ranges::find(kForeignNewCalls, name) != kForeignNewCalls.end();
}

}  // namespace vitrine::seccomp
