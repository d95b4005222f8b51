// A seccomp profile as Docker writes it (moby's profiles/seccomp, also the OCI runtime spec's
// linux.seccomp), as plain data.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vitrine::seccomp {

/// What happens to a call.
enum class Action { kAllow, kErrno, kLog, kTrap, kTrace, kKillThread, kKillProcess };

/// How an argument is compared, in 64 bits, unsigned.
enum class Operator {
    kNotEqual,
    kLess,
    kLessOrEqual,
    kEqual,
    kGreaterOrEqual,
    kGreater,
    kMaskedEqual,  ///< `(argument & value) == value_two`
};

struct Condition {
    unsigned index = 0;  ///< 0 to 5
    std::uint64_t value = 0;
    std::uint64_t value_two = 0;
    Operator op = Operator::kEqual;

    auto operator<=>(const Condition&) const = default;
};

struct KernelVersion {
    unsigned major = 0;
    unsigned minor = 0;

    auto operator<=>(const KernelVersion&) const = default;
};

/// When a rule counts at all, or does not.
struct Filters {
    std::vector<std::string> capabilities;  ///< `CAP_SYS_ADMIN`
    std::vector<std::string> arches;        ///< Go's names: `amd64`, `arm64`…
    std::optional<KernelVersion> min_kernel;
};

struct Rule {
    std::vector<std::string> names;
    Action action = Action::kAllow;
    std::optional<unsigned> errno_value;  ///< Of kErrno and kTrace.
    std::vector<Condition> conditions;
    std::string comment;
    Filters includes;
    Filters excludes;
};

/// One entry of `archMap`.
struct ArchFamily {
    std::string architecture;                    ///< `SCMP_ARCH_X86_64`
    std::vector<std::string> sub_architectures;  ///< `SCMP_ARCH_X86`, `SCMP_ARCH_X32`
};

struct Profile {
    Action default_action = Action::kErrno;
    std::optional<unsigned> default_errno;
    std::vector<ArchFamily> arch_map;        ///< Docker's form.
    std::vector<std::string> architectures;  ///< The OCI's form; never both.
    std::vector<Rule> rules;                 ///< Element i is `syscalls[i]`.
};

/// Parses the Docker form, old (`name`) or new (`names`), podman's (`errno: "EPERM"`), the OCI's,
/// and an OCI config.json, whose `linux.seccomp` is taken. Everything is checked: an unknown key,
/// action, operator, architecture or capability, a value of the wrong type, a key given twice, a
/// document nested too deep or with more than 16384 names is a UsageError that names the place
/// (`syscalls[3].args[0].op`).
Profile parse_profile(std::string_view json);

/// Whether there is such a capability: `CAP_SYS_ADMIN`.
bool is_capability(std::string_view name);

/// `SCMP_ACT_ERRNO`…
const char* action_name(Action action);

/// What a call gets: `allow`, `errno 1 (EPERM)`, `kill process`…
std::string describe_action(Action action, std::optional<unsigned> errno_value);

/// The errno of an ERRNO action that gives none.
inline constexpr unsigned kDefaultErrno = 1;  // EPERM, as runc has it.

}  // namespace vitrine::seccomp
