#include "kernel/landlock.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>

#include "base/error.h"
#include "base/fd.h"

namespace vitrine::kernel {

namespace {

/// Debian 12's headers know ABI 2; the later fields and bits are the kernel's own (landlock.h of
/// Linux 6.12).
struct RulesetAttributes {
    std::uint64_t handled_access_fs;
    std::uint64_t handled_access_net;
    std::uint64_t scoped;
};
constexpr std::uint64_t kAccessTruncate = 1U << 14;          // ABI 3
constexpr std::uint64_t kAccessDeviceIoctl = 1U << 15;       // ABI 5
constexpr std::uint64_t kScopeAbstractUnixSocket = 1U << 0;  // ABI 6
constexpr std::uint64_t kScopeSignal = 1U << 1;              // ABI 6
constexpr std::uint32_t kRestrictLogSameExecOff = 1U << 0;   // ABI 7

constexpr int kNewestAbi = 7;

constexpr std::uint64_t kAccessOfAbi1 = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1U) - 1;
/// All a rule on a file, not a directory, may speak of.
constexpr std::uint64_t kAccessOfFiles =
    LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |
    kAccessTruncate | kAccessDeviceIoctl;

std::uint64_t handled_access(int abi) {
    std::uint64_t access = kAccessOfAbi1;
    if (abi >= 2) access |= LANDLOCK_ACCESS_FS_REFER;
    if (abi >= 3) access |= kAccessTruncate;
    if (abi >= 5) access |= kAccessDeviceIoctl;
    return access;
}

void allow_below(int ruleset_fd, const std::string& path, std::uint64_t access) {
    const UniqueFd place = open_file(path, O_PATH);
    struct stat info{};
    check(::fstat(place.get(), &info), concat("looking at '", path, "'"), "fstat");
    landlock_path_beneath_attr rule{};
    rule.allowed_access = S_ISDIR(info.st_mode) ? access : access & kAccessOfFiles;
    rule.parent_fd = place.get();
    check(::syscall(SYS_landlock_add_rule, ruleset_fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0),
          concat("fencing '", path, "'"), "landlock_add_rule");
}

void allow_all_below(int ruleset_fd, const std::vector<std::string>& paths, std::uint64_t access) {
    for (const std::string& path : paths)
        allow_below(ruleset_fd, path, access);
}

}  // namespace

int fence_filesystem(const Fence& fence) {
    const auto known = static_cast<int>(
        ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION));
    if (known <= 0) return 0;
    const int abi = std::min(known, kNewestAbi);
    RulesetAttributes attributes{};
    attributes.handled_access_fs = handled_access(abi);
    if (abi >= 6) attributes.scoped = kScopeSignal | kScopeAbstractUnixSocket;
    // Older kernels know a shorter struct; the bytes they do not know are zero, which they accept.
    const UniqueFd ruleset(static_cast<int>(
        check(::syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0),
              "making a Landlock fence", "landlock_create_ruleset")));
    const std::uint64_t scratch =
        attributes.handled_access_fs & ~(LANDLOCK_ACCESS_FS_EXECUTE | kAccessDeviceIoctl);
    allow_below(ruleset.get(), "/", LANDLOCK_ACCESS_FS_READ_DIR);
    allow_all_below(ruleset.get(), fence.readable, LANDLOCK_ACCESS_FS_READ_FILE);
    allow_all_below(ruleset.get(), fence.writable, scratch);
    allow_all_below(
        ruleset.get(), fence.devices,
        LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | (scratch & kAccessTruncate));
    allow_all_below(ruleset.get(), fence.programs, LANDLOCK_ACCESS_FS_EXECUTE);
    if (abi >= 5) allow_all_below(ruleset.get(), fence.terminals, kAccessDeviceIoctl);
    check(::syscall(SYS_landlock_restrict_self, ruleset.get(),
                    abi >= 7 ? kRestrictLogSameExecOff : 0U),
          "raising the Landlock fence", "landlock_restrict_self");
    return abi;
}

}  // namespace vitrine::kernel
