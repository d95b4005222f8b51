// Layer 4, alone: what Docker's profile refuses is refused, with Docker's errno.
#include <gtest/gtest.h>

#include "support/scratch.h"
#include "support/vitrine_program.h"

namespace vitrine::test {
namespace {

constexpr const char* kCalls = R"(
import ctypes, os, socket, vitrine
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long

def call(number, *arguments):
    ctypes.set_errno(0)
    done = libc.syscall(ctypes.c_long(number), *map(ctypes.c_long, arguments))
    return ctypes.get_errno() if done < 0 else 0

def family(number):
    try:
        socket.socket(number, socket.SOCK_DGRAM).close()
        return 0
    except OSError as error:
        return error.errno
)";

TEST(Seccomp, DangerousCallsAnswerAsDockerSays) {
    const auto result = result_unvalidated(std::string(kCalls) + R"(
numbers = {"mount": 165, "umount2": 166, "pivot_root": 155, "unshare": 272, "setns": 308, "bpf": 321,
           "keyctl": 250, "add_key": 248, "request_key": 249, "perf_event_open": 298, "kexec_load": 246,
           "init_module": 175, "reboot": 169, "swapon": 167, "userfaultfd": 323, "open_by_handle_at": 304,
           "fsopen": 430, "move_mount": 429, "open_tree": 428, "mount_setattr": 442, "quotactl": 179,
           "acct": 163, "iopl": 172, "ioperm": 173, "io_uring_setup": 425}
errors = {name: call(number, 0, 0, 0, 0, 0) for name, number in numbers.items()}
vitrine.result({"errors": errors, "clone3": call(435, 0, 0), "control": call(39),
                "user_namespace": call(56, 0x10000000 | 17, 0, 0, 0, 0),
                "personality": [call(135, 0xffffffff), call(135, 0x0040000)]})
)");
    ASSERT_TRUE(result["value"].is_object()) << result;
    const auto& value = result["value"];
    EXPECT_EQ(value["control"], 0);
    for (const auto& [name, error] : value["errors"].items())
        EXPECT_EQ(error, EPERM) << name;
    EXPECT_EQ(value["clone3"], ENOSYS);
    EXPECT_EQ(value["user_namespace"], EPERM);
    EXPECT_EQ(value["personality"], nlohmann::json::array({0, EPERM}));
}

/// Families by number, and what socket(2) and socketpair(2) say to each; `high` is put into the
/// upper half of the argument, which the kernel does not look at but filters may.
constexpr const char* kFamilies = R"(
SOCKET, SOCKETPAIR, DGRAM = 41, 53, 2
pair = (ctypes.c_int * 2)()
families = {"unix": 1, "inet": 2, "inet6": 10, "netlink": 16, "packet": 17, "alg": 38, "nfc": 39,
            "vsock": 40, "xdp": 44}
def ask(high):
    return {name: [call(SOCKET, number | high << 32, DGRAM, 0),
                   call(SOCKETPAIR, number | high << 32, DGRAM, 0, ctypes.addressof(pair))]
            for name, number in families.items()}
vitrine.result({"plain": ask(0), "high": ask(1), "highest": ask(-1 << 31)})
)";

TEST(Seccomp, OnlyThreeFamiliesOfSocketsAreLetThrough) {
    const auto result = result_unvalidated(std::string(kCalls) + kFamilies);
    ASSERT_TRUE(result["value"].is_object()) << result;
    const auto& value = result["value"];
    for (const char* fine : {"unix", "inet", "inet6"}) {
        EXPECT_EQ(value["plain"][fine][0], 0) << fine;
        EXPECT_NE(value["plain"][fine][1], EPERM) << fine;
    }
    EXPECT_EQ(value["plain"]["unix"][1], 0);
    for (const char* refused : {"netlink", "packet", "alg", "nfc", "vsock", "xdp"})
        EXPECT_EQ(value["plain"][refused], nlohmann::json::array({EPERM, EPERM})) << refused;
    for (const char* half : {"high", "highest"}) {
        for (const auto& [family, errors] : value[half].items())
            EXPECT_EQ(errors, nlohmann::json::array({EPERM, EPERM})) << half << " " << family;
    }
}

/// The control: the same program under Docker's profile alone reaches the kernel with AF_NETLINK,
/// and with AF_ALG by its high half.
TEST(Seccomp, DockersOwnProfileLetsMoreFamiliesThrough) {
    const auto result = result_unvalidated(std::string(kCalls) + kFamilies,
                                           {"--security-opt", "seccomp=docker-default"});
    ASSERT_TRUE(result["value"].is_object()) << result;
    const auto& value = result["value"];
    EXPECT_EQ(value["plain"]["alg"][0], EPERM);
    EXPECT_EQ(value["plain"]["vsock"][0], EPERM);
    EXPECT_NE(value["high"]["alg"][0], EPERM);
    EXPECT_NE(value["plain"]["netlink"][0], EPERM);
}

/// The limit on core dumps set in every way the kernel takes, and what it is in the end.
constexpr const char* kCoreLimits = R"(
import resource
SETRLIMIT, PRLIMIT64, CORE, NOFILE = 160, 302, resource.RLIMIT_CORE, resource.RLIMIT_NOFILE
limits = [(ctypes.c_uint64 * 2)(0, 0), (ctypes.c_uint64 * 2)(64, 64)]
none, fewer = map(ctypes.addressof, limits)
vitrine.result({"setrlimit": call(SETRLIMIT, CORE, none), "high": call(SETRLIMIT, CORE | 1 << 32, none),
                "prlimit": call(PRLIMIT64, 0, CORE, none, 0),
                "prlimit_high": call(PRLIMIT64, 0, CORE | 1 << 40, none, 0),
                "others": [call(SETRLIMIT, NOFILE, fewer), call(PRLIMIT64, 0, NOFILE, fewer, 0)],
                "core": list(resource.getrlimit(CORE))})
)";

TEST(Seccomp, TheLimitOnCoreDumpsStays) {
    const auto result = result_unvalidated(std::string(kCalls) + kCoreLimits);
    EXPECT_EQ(result["value"], (nlohmann::json{{"setrlimit", EPERM},
                                               {"high", EPERM},
                                               {"prlimit", EPERM},
                                               {"prlimit_high", EPERM},
                                               {"others", {0, 0}},
                                               {"core", {1, 1}}}))
        << result;
    // The control: the same program lowers it where only Docker's profile is in the way.
    const auto control = result_unvalidated(std::string(kCalls) + kCoreLimits,
                                            {"--security-opt", "seccomp=docker-default"});
    EXPECT_EQ(control["value"]["core"], (nlohmann::json{0, 0})) << control;
}

/// One number for the whole host bounds all of these contexts.
TEST(Seccomp, TheHostsAsynchronousRequestsAreNoJobs) {
    const std::string code = std::string(kCalls) + R"(
context = ctypes.c_ulong(0)
vitrine.result(call(206, 1, ctypes.addressof(context)))
)";
    EXPECT_EQ(result_unvalidated(code)["value"], ENOSYS);
    // The control: the call is as it should be, and Docker's profile lets it through.
    EXPECT_EQ(result_unvalidated(code, {"--security-opt", "seccomp=docker-default"})["value"], 0);
}

TEST(Seccomp, CallsNewerThanTheProfileAreUnknown) {
    const auto result = result_unvalidated(std::string(kCalls) +
                                           "vitrine.result([call(467), call(1000), call(39)])");
    EXPECT_EQ(result["value"], nlohmann::json::array({ENOSYS, ENOSYS, 0}));
}

TEST(Seccomp, CallsOfX32EndTheProcess) {
    const std::string code = std::string(kCalls) + "call(0x40000000 | 39)\nvitrine.result(1)";
    const auto result = result_unvalidated(code);
    EXPECT_EQ(result["status"], "signaled");
    EXPECT_EQ(result["signal_name"], "SIGSYS");
    // The control: where x32 is asked for, the filter lets it through, and no kernel of Debian's
    // has it.
    const auto compat = result_unvalidated(code, {"--compat-arch"});
    EXPECT_EQ(compat["status"], "exited") << compat;
}

TEST(Seccomp, PythonComputesUnderTheStrictProfile) {
    const auto result = result_unvalidated(std::string(kCalls) + R"(
import asyncio, concurrent.futures, json, math, subprocess, tempfile, threading, time
with tempfile.TemporaryFile() as file:
    file.write(b"kept"), file.seek(0)
    kept = file.read().decode()
with concurrent.futures.ThreadPoolExecutor(2) as pool:
    threads = list(pool.map(math.factorial, [3, 4]))
async def wait():
    await asyncio.sleep(0.001)
    return "woken"
pid = os.fork()
if pid == 0:
    os._exit(7)
vitrine.result({"kept": kept, "threads": threads, "async": asyncio.run(wait()),
                "child": os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), "inet": family(2),
                "execve": call(59, 0, 0, 0), "ptrace": call(101, 0, 0, 0, 0)})
)",
                                           {"--security-opt", "seccomp=python-strict+hardened"});
    EXPECT_EQ(result["value"], (nlohmann::json{{"kept", "kept"},
                                               {"threads", {6, 24}},
                                               {"async", "woken"},
                                               {"child", 7},
                                               {"inet", EPERM},
                                               {"execve", EPERM},
                                               {"ptrace", EPERM}}))
        << result;
}

TEST(Seccomp, TheFilterStaysOnInChildrenAndCannotBeTakenOff) {
    const auto result = result_unvalidated(std::string(kCalls) + R"(
PR_SET_SECCOMP, PR_GET_SECCOMP = 22, 21
reader, writer = os.pipe()
if os.fork() == 0:
    os.write(writer, bytes([call(165, 0, 0, 0, 0, 0), call(39)]))
    os._exit(0)
child = list(os.read(reader, 2))
vitrine.result({"child": child, "mode": libc.prctl(PR_GET_SECCOMP), "off": libc.prctl(PR_SET_SECCOMP, 0, 0)})
)");
    ASSERT_TRUE(result["value"].is_object()) << result;
    EXPECT_EQ(result["value"]["child"], nlohmann::json::array({EPERM, 0}));
    EXPECT_EQ(result["value"]["mode"], 2);
    EXPECT_EQ(result["value"]["off"], -1);
}

TEST(Seccomp, TheResultNamesTheProfile) {
    const auto seccomp = result_of("pass")["isolation"]["seccomp"];
    EXPECT_EQ(seccomp["profile"], "docker-default+hardened");
    EXPECT_EQ(seccomp["sha256"].get<std::string>().size(), 64U);
    EXPECT_NE(seccomp["action"].get<std::string>().find("EPERM"), std::string::npos);
}

TEST(Seccomp, AProfileOfTheCallersIsApplied) {
    const Scratch scratch;
    const std::string profile = scratch.write("strict.json", R"({
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["getppid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95}]})");
    const std::string code = std::string(kCalls) + "vitrine.result([call(110), call(39)])";
    EXPECT_EQ(result_unvalidated(code, {"--security-opt", "seccomp=" + profile})["value"],
              nlohmann::json::array({95, 0}));
    EXPECT_EQ(result_unvalidated(code)["value"], nlohmann::json::array({0, 0}));
}

}  // namespace
}  // namespace vitrine::test
