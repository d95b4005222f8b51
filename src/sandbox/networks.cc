#include "sandbox/networks.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "base/words.h"
#include "sandbox/mounts.h"
#include "sandbox/network.h"

namespace vitrine::sandbox {

namespace {

constexpr std::string_view kIntent = "making a network namespace";
constexpr std::size_t kMaxStateBytes = 1 << 20;

/// The versions of IGMP and MLD that report a group when it is joined and left. The current ones
/// report up to seconds later, when the namespace may be another job's.
void report_groups_at_once() {
    constexpr std::array<std::pair<const char*, const char*>, 2> kVersions{
        {{"/sys/net/ipv4/conf/lo/force_igmp_version", "2"},
         {"/sys/net/ipv6/conf/lo/force_mld_version", "1"}}};
    for (const auto& [name, version] : kVersions) {
        const std::string path = concat(kBaseHostProc, name);
        // A kernel without that protocol has no groups of it.
        if (::access(path.c_str(), F_OK) != 0 && errno == ENOENT) continue;
        write_kernel_file(path, version);
    }
}

UniqueFd make_network() {
    check(::unshare(CLONE_NEWNET), kIntent, "unshare(CLONE_NEWNET)");
    bring_loopback_up();
    return open_file(concat(kBaseHostProc, "/self/ns/net"), O_RDONLY);
}

void join(const UniqueFd& network) {
    check(::setns(network.get(), CLONE_NEWNET), "entering a network namespace", "setns");
}

/// How many sockets there are and how many connections linger. The rest of these files counts the
/// whole host.
std::string count_sockets(std::string_view sockstat) {
    std::string counts;
    while (!sockstat.empty()) {
        std::string_view line = take_until(sockstat, '\n');
        counts += take_word(line);
        while (!line.empty()) {
            const std::string_view key = take_word(line);
            const std::string_view value = take_word(line);
            if (key == "used" || key == "inuse" || key == "tw") counts += concat(" ", value);
        }
    }
    return counts;
}

}  // namespace

Networks::Networks()
    : home_(make_network()),
      files_(open_file(concat(kBaseHostProc, "/self/net"), O_PATH | O_DIRECTORY)),
      clean_(read_state()) {}

UniqueFd Networks::enter(const UniqueFd& used) {
    if (used) {
        join(used);
        if (is_clean()) return {};
    }
    UniqueFd made = make_network();
    make_silent();
    return made;
}

void Networks::leave() const {
    join(home_);
}

void Networks::make_silent() {
    try {
        report_groups_at_once();
    } catch (const SystemError&) {
        // A container's /proc/sys can be read-only.
        can_hand_on_ = false;
    }
}

bool Networks::is_clean() const {
    return can_hand_on_ && read_state() == clean_;
}

/// Empty where the kernel has no such file: then no job can read it either.
std::string Networks::read_file(const char* name) const {
    const UniqueFd file(::openat(files_.get(), name, O_RDONLY | O_CLOEXEC));
    if (file) return read_all(file.get(), kMaxStateBytes);
    if (errno != ENOENT) throw SystemError(concat("looking at /proc/net/", name), "openat");
    return {};
}

/// Whatever sockets do in the current network namespace shows in one of these. That there are none,
/// of any family, shows in the first.
std::string Networks::read_state() const {
    std::string state = count_sockets(read_file("sockstat"));
    for (const auto* name : {"dev", "snmp", "snmp6", "netstat", "rt6_stats", "ip6_flowlabel"})
        state += read_file(name);
    return state;
}

}  // namespace vitrine::sandbox
