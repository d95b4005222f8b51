// Layer 2, alone: sockets work, nothing leaves.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>

#include "base/error.h"
#include "base/fd.h"
#include "support/vitrine_program.h"

namespace vitrine::test {
namespace {

constexpr const char* kReachOut = R"(
import errno, socket, vitrine

def outcome(family, kind, address):
    with socket.socket(family, kind) as s:
        s.settimeout(5)
        try:
            if kind == socket.SOCK_DGRAM:
                s.sendto(b"x", address)
            else:
                s.connect(address)
            return "reached"
        except OSError as error:
            return errno.errorcode.get(error.errno, str(error))

def echo():
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname()) as client:
            peer, _ = server.accept()
            with peer:
                client.sendall(b"ping")
                return peer.recv(4).decode()

vitrine.result({
    "control": echo(),
    "tcp4": outcome(socket.AF_INET, socket.SOCK_STREAM, ("192.0.2.1", 80)),
    "udp4": outcome(socket.AF_INET, socket.SOCK_DGRAM, ("192.0.2.1", 53)),
    "tcp6": outcome(socket.AF_INET6, socket.SOCK_STREAM, ("2001:db8::1", 80)),
    "interfaces": [line.split(":")[0].strip() for line in list(open("/proc/self/net/dev"))[2:]],
})
)";

TEST(Network, SocketsWorkAndNothingLeaves) {
    const auto result = result_unvalidated(kReachOut);
    ASSERT_EQ(result["status"], "exited") << result;
    const auto& value = result["value"];
    EXPECT_EQ(value["control"], "ping");
    EXPECT_EQ(value["tcp4"], "ENETUNREACH");
    EXPECT_EQ(value["udp4"], "ENETUNREACH");
    EXPECT_EQ(value["tcp6"], "ENETUNREACH");
    EXPECT_EQ(value["interfaces"], nlohmann::json::array({"lo"}));
}

/// A listening socket of the host's.
UniqueFd listen_on(int family, const sockaddr* address, socklen_t size) {
    UniqueFd socket(
        check(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), "making a socket", "socket"));
    check(::bind(socket.get(), address, size), "binding", "bind");
    check(::listen(socket.get(), 4), "listening", "listen");
    return socket;
}

bool can_connect(int family, const sockaddr* address, socklen_t size) {
    const UniqueFd socket(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    return ::connect(socket.get(), address, size) == 0;
}

TEST(Network, TheHostsLoopbackIsAnother) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    const auto* generic = reinterpret_cast<const sockaddr*>(&address);
    const UniqueFd server = listen_on(AF_INET, generic, size);
    ::getsockname(server.get(), reinterpret_cast<sockaddr*>(&address), &size);
    ASSERT_TRUE(can_connect(AF_INET, generic, size));  // Control: it does listen.
    const auto result = result_unvalidated(concat(
        "import socket, vitrine\ns = socket.socket()\nvitrine.result(s.connect_ex(('127.0.0.1', ",
        ::ntohs(address.sin_port), ")))"));
    EXPECT_EQ(result["value"], ECONNREFUSED) << result;
}

TEST(Network, AbstractSocketsOfTheHostAreOutOfReach) {
    const std::string name = concat("vitrine-test-", ::getpid());
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::ranges::copy(name, address.sun_path + 1);
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    const auto* generic = reinterpret_cast<const sockaddr*>(&address);
    const UniqueFd server = listen_on(AF_UNIX, generic, size);
    ASSERT_TRUE(can_connect(AF_UNIX, generic, size));
    const auto result = result_unvalidated(concat(R"(
import socket, vitrine
own = socket.socket(socket.AF_UNIX)
own.bind("\0own")
own.listen()
control = socket.socket(socket.AF_UNIX).connect_ex("\0own")
attack = socket.socket(socket.AF_UNIX).connect_ex("\0)",
                                                  name, R"(")
vitrine.result([control, attack]))"));
    ASSERT_TRUE(result["value"].is_array()) << result;
    EXPECT_EQ(result["value"][0], 0);
    EXPECT_EQ(result["value"][1], ECONNREFUSED);
}

}  // namespace
}  // namespace vitrine::test
