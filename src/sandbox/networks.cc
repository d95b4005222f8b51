#include "sandbox/networks.h"

#include <fcntl.h>
#include <sched.h>

#include <cerrno>
#include <sstream>
#include <string_view>

#include "base/error.h"
#include "base/file.h"
#include "sandbox/mounts.h"
#include "sandbox/network.h"

namespace vitrine::sandbox {

namespace {

constexpr std::string_view kIntent = "making a network namespace";
constexpr std::size_t kMaxStateBytes = 1 << 20;

UniqueFd make_network() {
    check(::unshare(CLONE_NEWNET), kIntent, "unshare(CLONE_NEWNET)");
    bring_loopback_up();
    return open_file(concat(kBaseHostProc, "/self/ns/net"), O_RDONLY);
}

void join(const UniqueFd& network) {
    check(::setns(network.get(), CLONE_NEWNET), "entering a network namespace", "setns");
}

/// Empty where the kernel has no such file: then no job can read it either.
std::string read_net(std::string_view name) {
    try {
        return read_file(concat(kBaseHostProc, "/self/net/", name), kMaxStateBytes);
    } catch (const SystemError& error) {
        if (error.error_number() != ENOENT) throw;
        return {};
    }
}

/// How many sockets there are and how many connections linger. The rest of these files counts the
/// whole host.
std::string count_sockets(const std::string& sockstat) {
    std::string counts;
    std::istringstream lines(sockstat);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string key;
        std::string value;
        words >> key;
        counts += key;
        while (words >> key >> value) {
            if (key == "used" || key == "inuse" || key == "tw") counts += concat(" ", value);
        }
    }
    return counts;
}

/// Whatever sockets do in the current network namespace shows in one of these.
std::string read_state() {
    std::string state = count_sockets(read_net("sockstat"));
    state += count_sockets(read_net("sockstat6"));
    for (const auto* name : {"dev", "snmp", "snmp6", "netstat", "unix", "ip6_flowlabel"})
        state += read_net(name);
    return state;
}

}  // namespace

Networks::Networks() : home_(make_network()), clean_(read_state()) {}

UniqueFd Networks::enter(const UniqueFd& used) {
    if (used) {
        join(used);
        if (is_clean()) return {};
    }
    return make_network();
}

void Networks::leave() const {
    join(home_);
}

bool Networks::is_clean() const {
    return read_state() == clean_;
}

}  // namespace vitrine::sandbox
