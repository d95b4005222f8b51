#include "seccomp/filter.h"

#include <linux/seccomp.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/error.h"
#include "base/sha256.h"
#include "seccomp/assemble.h"
#include "seccomp/calls.h"
#include "seccomp/compile.h"
#include "seccomp/decisions.h"
#include "seccomp/prove.h"

namespace vitrine::seccomp {

namespace {

/// What a Python program calls most while it runs. Where the kernel has no memory of what is always
/// allowed (before 5.11), each such call runs the filter.
constexpr auto kHotCalls = std::to_array<const char*>(
    {"read",           "write",    "futex",  "mmap",  "munmap",     "brk",      "lseek",
     "newfstatat",     "openat",   "close",  "fstat", "ioctl",      "getpid",   "clock_gettime",
     "rt_sigprocmask", "recvfrom", "sendto", "poll",  "epoll_wait", "getrandom"});

std::vector<std::uint32_t> hot_calls(const Architecture& arch) {
    std::vector<std::uint32_t> numbers;
    for (const char* name : kHotCalls) {
        if (const auto number = call_number(name, arch)) numbers.push_back(*number);
    }
    return numbers;
}

/// What libseccomp makes of the parts, and what it takes to check a program against that.
struct Reference {
    std::vector<Program> programs;
    std::vector<Probe> probes;
    std::vector<std::string> skipped;
    std::uint32_t default_outcome = SECCOMP_RET_ALLOW;
};

void add_part(Reference& reference, const ProfilePart& part, const HostFacts& host) {
    const ResolvedProfile resolved = resolve(parse_profile(part.json), host);
    Compiled compiled = compile(resolved);
    reference.programs.push_back(std::move(compiled.program));
    reference.default_outcome = stricter(
        reference.default_outcome, outcome_of(resolved.default_action, resolved.default_errno));
    for (Probe& probe : probes_for(resolved))
        reference.probes.push_back(std::move(probe));
    for (std::string& name : compiled.skipped) {
        if (std::ranges::find(reference.skipped, name) == reference.skipped.end())
            reference.skipped.push_back(std::move(name));
    }
}

/// One program for all; empty when a program is not understood or too long.
std::optional<Program> join(std::span<const Program> programs, const HostFacts& host) {
    std::optional<Decisions> joined;
    for (const Program& program : programs) {
        const auto decisions = read_decisions(program);
        if (!decisions) return std::nullopt;
        joined = joined ? intersect(*joined, *decisions) : *decisions;
    }
    // The architecture of the host comes first: nearly every call is its.
    const auto native = std::ranges::find(joined->tables, host.arch->audit, &CallTable::audit_arch);
    if (native != joined->tables.end()) std::iter_swap(joined->tables.begin(), native);
    try {
        return assemble(prune(*joined), hot_calls(*host.arch));
    } catch (const Error&) {
        return std::nullopt;
    }
}

std::string describe(const Disagreement& found) {
    return concat("call ", found.call.nr, " of architecture ", found.call.arch, " should be '",
                  describe_outcome(found.expected), "', is '", describe_outcome(found.found), "'");
}

/// Sets the joined program if it stands its proof, and libseccomp's own otherwise.
void choose_programs(Filter& filter, Reference& reference, const HostFacts& host) {
    if (!can_be_proven(reference.probes)) {
        filter.warning = "the filter is not shortened: one call has hundreds of conditions";
    } else if (auto program = join(reference.programs, host)) {
        const bool is_shorter =
            reference.programs.size() > 1 || program->size() < reference.programs.front().size();
        if (!is_shorter) {
            filter.programs = std::move(reference.programs);
            return;
        }
        const auto wrong = find_disagreement(reference.programs, *program, reference.probes);
        if (!wrong) {
            filter.programs.push_back(std::move(*program));
            return;
        }
        filter.warning = concat("the shortened filter is not used: ", describe(*wrong));
    } else {
        filter.warning = "the filter could not be shortened";
    }
    // Of two filters that give an errno the kernel takes the one that was installed last.
    std::ranges::reverse(reference.programs);
    filter.programs = std::move(reference.programs);
}

std::string names_of(std::span<const ProfilePart> parts) {
    std::string names;
    for (const ProfilePart& part : parts)
        names += concat(names.empty() ? "" : "+", part.name);
    return names;
}

}  // namespace

std::string sha256_of(std::span<const ProfilePart> parts) {
    if (parts.size() == 1) return sha256_hex(parts.front().json);
    std::string hashes;
    for (const ProfilePart& part : parts)
        hashes += concat(hashes.empty() ? "" : "+", sha256_hex(part.json));
    return sha256_hex(hashes);
}

Filter compile_filter(std::span<const ProfilePart> parts, const HostFacts& host) {
    Reference reference;
    for (const ProfilePart& part : parts) {
        with_context(concat("seccomp profile '", part.name, "'"),
                     [&] { add_part(reference, part, host); });
    }
    Filter filter{.profile = names_of(parts),
                  .sha256 = sha256_of(parts),
                  .action = describe_outcome(reference.default_outcome),
                  .skipped = std::move(reference.skipped)};
    choose_programs(filter, reference, host);
    return filter;
}

Filter compile_filter(const std::string& profile_name, std::string_view json) {
    const std::array parts{ProfilePart{.name = profile_name, .json = std::string(json)}};
    return compile_filter(parts, host_facts());
}

}  // namespace vitrine::seccomp
