#include "sandbox/network.h"

#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <string_view>

#include "base/error.h"
#include "base/fd.h"

namespace vitrine::sandbox {

void bring_loopback_up() {
    constexpr std::string_view kIntent = "bringing the loopback interface up";
    const UniqueFd socket(
        check(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), kIntent, "socket"));
    ifreq request{};
    std::ranges::copy(std::string_view("lo"), request.ifr_name);
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    check(::ioctl(socket.get(), SIOCSIFFLAGS, &request), kIntent, "ioctl(SIOCSIFFLAGS)");
}

}  // namespace vitrine::sandbox
