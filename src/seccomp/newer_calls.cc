#include "seccomp/newer_calls.h"

#include <linux/audit.h>
#include <linux/seccomp.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <map>
#include <optional>

#include "seccomp/calls.h"

namespace vitrine::seccomp {

namespace {

constexpr std::uint32_t kEnosys = SECCOMP_RET_ERRNO | ENOSYS;

/// The highest call numbers of the one or two architectures that share an AUDIT_ARCH value.
struct Newest {
    std::optional<std::uint32_t> plain;
    std::optional<std::uint32_t> x32;
};

std::uint32_t newest_call(const ResolvedProfile& profile, const Architecture& arch) {
    std::uint32_t newest = 0;
    for (const std::string& name : profile.known_names)
        newest = std::max(newest, call_number(name, arch).value_or(0));
    return newest;
}

std::map<std::uint32_t, Newest> newest_calls(const ResolvedProfile& profile) {
    std::map<std::uint32_t, Newest> all;
    for (const Architecture* arch : profile.architectures) {
        const std::uint32_t newest = newest_call(profile, *arch);
        if (newest == 0) continue;  // It names no call of this architecture: nothing is known.
        Newest& entry = all[arch->audit];
        (newest >= kX32Bit ? entry.x32 : entry.plain) = newest;
    }
    return all;
}

sock_filter load(std::size_t offset) {
    return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset));
}

/// A refusal of what passes the test; the rest goes on behind it.
void refuse_if(Program& section, std::uint16_t test, std::uint32_t value) {
    section.push_back(BPF_JUMP(static_cast<std::uint16_t>(BPF_JMP | test | BPF_K), value, 0, 1));
    section.push_back(BPF_STMT(BPF_RET | BPF_K, kEnosys));
}

/// What is refused on one architecture, once it is known to be that.
Program section_for(std::uint32_t audit, const Newest& newest) {
    Program section{load(offsetof(seccomp_data, nr))};
    if (audit == AUDIT_ARCH_S390 || audit == AUDIT_ARCH_S390X) {
        refuse_if(section, BPF_JEQ, 0);
    }
    if (audit != AUDIT_ARCH_X86_64) {
        refuse_if(section, BPF_JGT, *newest.plain);
        return section;
    }
    // The x32 bit says which of the two limits counts; where there is none, the program behind
    // decides.
    const std::uint8_t plain_steps = newest.plain ? 3 : 1;
    section.push_back(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, kX32Bit, plain_steps, 0));
    if (newest.plain) refuse_if(section, BPF_JGT, *newest.plain);
    section.push_back(BPF_STMT(BPF_JMP | BPF_JA, newest.x32 ? 2U : 0U));
    if (newest.x32) refuse_if(section, BPF_JGT, *newest.x32);
    return section;
}

bool lets_calls_through(Action action) {
    return action == Action::kAllow || action == Action::kLog || action == Action::kTrace;
}

}  // namespace

Program refuse_newer_calls(const ResolvedProfile& profile) {
    Program program;
    if (lets_calls_through(profile.default_action)) return program;
    for (const auto& [audit, newest] : newest_calls(profile)) {
        const Program section = section_for(audit, newest);
        program.push_back(load(offsetof(seccomp_data, arch)));
        program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, audit, 0,
                                   static_cast<std::uint8_t>(section.size())));
        program.insert(program.end(), section.begin(), section.end());
    }
    return program;
}

}  // namespace vitrine::seccomp
