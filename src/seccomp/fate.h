// Profiles under examination: what happens to each call, and which rule of which profile says so.
//
// The model gives the reasons; libseccomp's program, run by the interpreter, gives the outcome.
#pragma once

#include <linux/seccomp.h>

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "seccomp/profile.h"
#include "seccomp/program.h"
#include "seccomp/resolve.h"
#include "seccomp/sources.h"

namespace vitrine::seccomp {

/// One profile on one host, with the program that libseccomp makes of it.
struct Study {
    std::string name;  ///< As it was asked for.
    std::string json;
    Profile profile;
    ResolvedProfile resolved;
    Program program;
    std::vector<std::string> skipped;  ///< Names that mean nothing on that host.
};

/// Parses, resolves and compiles each part. Throws UsageError: a broken profile.
std::vector<Study> study(std::span<const ProfilePart> parts, const HostFacts& host);

/// A system call of one architecture.
struct NamedCall {
    std::string name;
    std::uint32_t number = 0;
    const Architecture* arch = nullptr;
};

/// Every call of `arch` that has a name, by number.
std::vector<NamedCall> named_calls(const Architecture& arch);

/// The call by name or by number. Throws UsageError when it has no number on `arch`.
NamedCall find_call(const std::string& name_or_number, const Architecture& arch);

using Arguments = std::array<std::uint64_t, 6>;

/// What one profile says of the call.
std::uint32_t decide(const Study& study, const NamedCall& call, const Arguments& arguments);
/// What they say together: the strictest.
std::uint32_t decide(std::span<const Study> studies, const NamedCall& call,
                     const Arguments& arguments);

/// Why a call gets what it gets.
enum class Basis {
    kRule,     ///< A rule names it.
    kDefault,  ///< No rule that counts does.
    kNewer,    ///< Nor could any: it is newer than every call the profile names.
};

/// A rule with conditions: its outcome where they hold.
struct Alternative {
    std::vector<Condition> conditions;
    std::uint32_t outcome = 0;
    std::size_t rule = 0;  ///< Index in Profile::rules.
};

/// A rule of the profile that names the call but is left out, and why.
struct LeftOut {
    std::size_t rule = 0;
    std::string why;  ///< `needs CAP_SYS_ADMIN`
};

/// What one profile does with one call.
struct Fate {
    std::vector<Alternative> alternatives;
    std::uint32_t otherwise = 0;  ///< Where no alternative's conditions hold.
    Basis basis = Basis::kDefault;
    std::optional<std::size_t> rule;  ///< With kRule: the one `otherwise` comes from.
    std::vector<LeftOut> left_out;
};
Fate fate_of(const Study& study, const NamedCall& call);

/// Whether the call gets through, logged or not.
bool lets_through(std::uint32_t outcome);

/// Whether all the conditions hold.
bool hold(std::span<const Condition> conditions, const Arguments& arguments);

/// `arg0 == 38`, `(arg0 & 0x7e020000) == 0`; several joined by `and`, by
/// `or` where two are on one argument.
std::string describe(std::span<const Condition> conditions);

/// Arguments that tell the profiles' conditions on this call apart: around every value that is
/// compared with, its high half set, each masked bit, in every argument that is looked at.
std::vector<Arguments> telling_arguments(std::span<const Study> studies, const NamedCall& call);

}  // namespace vitrine::seccomp
