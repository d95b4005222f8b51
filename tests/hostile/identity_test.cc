// Who a job is: nobody, with nothing, and nothing of the caller's in its hands.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "support/vitrine_program.h"

namespace vitrine::test {
namespace {

TEST(Identity, IsNobodyWithoutAnyCapability) {
    const auto result = result_unvalidated(R"(
import os, vitrine
status = {}
for line in open("/proc/self/status"):
    name, _, text = line.partition(":")
    status[name] = text.strip()
vitrine.result({"ids": [*os.getresuid(), *os.getresgid()], "groups": os.getgroups(),
                "sets": {name: status[name] for name in
                         ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")},
                "nnp": status["NoNewPrivs"], "seccomp": status["Seccomp"],
                "entry": __import__("pwd").getpwuid(os.getuid()).pw_dir})
)");
    ASSERT_TRUE(result["value"].is_object()) << result;
    const auto& value = result["value"];
    for (const auto& id : value["ids"])
        EXPECT_EQ(id, 1000);
    for (const auto& [set, held] : value["sets"].items()) {
        EXPECT_EQ(held, "0000000000000000") << set;
    }
    EXPECT_EQ(value["nnp"], "1");
    EXPECT_EQ(value["seccomp"], "2");
    EXPECT_EQ(value["entry"], "/tmp");
    EXPECT_EQ(result["isolation"]["capabilities"], nlohmann::json::array());
    EXPECT_EQ(result["isolation"]["uid"], 1000);
    EXPECT_NE(result["isolation"]["host_uid"], 0);
    const bool reported =
        result["isolation"]["degraded"].dump().find("\"groups\"") != std::string::npos;
    const bool has_groups =
        !value["groups"].empty() && value["groups"] != nlohmann::json::array({1000});
    EXPECT_EQ(has_groups, reported) << value["groups"];
}

TEST(Identity, TheUserFlagChangesTheIdsAndNothingElse) {
    const auto result = result_unvalidated(
        "import os, vitrine\nvitrine.result([os.getuid(), os.getgid()])", {"-u", "1234:77"});
    EXPECT_EQ(result["value"], nlohmann::json::array({1234, 77})) << result;
}

TEST(Identity, EveryIdHasAName) {
    const std::vector<std::pair<std::string, std::string>> known{
        {"1000", "vitrine vitrine"},
        {"1234:77", "vitrine1234 vitrine77"},
        {"65534", "nobody nogroup"}};
    for (const auto& [flag, names] : known) {
        const auto result = result_unvalidated(R"(
import grp, os, pwd, vitrine
def refused(path):
    try:
        os.close(os.open(path, os.O_WRONLY))
    except OSError:
        return True
assert pwd.getpwnam("root").pw_uid == 0
assert refused("/etc/passwd") and refused("/etc/group") and not refused("/dev/null")
vitrine.result(pwd.getpwuid(os.getuid()).pw_name + " " + grp.getgrgid(os.getgid()).gr_name)
)",
                                               {"-u", flag});
        EXPECT_EQ(result["value"], names) << result;
    }
}

TEST(Identity, CannotBecomeAnyoneElse) {
    const auto result = result_unvalidated(R"(
import ctypes, os, vitrine
libc = ctypes.CDLL(None, use_errno=True)
def code(call, *arguments):
    ctypes.set_errno(0)
    return ctypes.get_errno() if call(*arguments) < 0 else 0
PR_GET_SECUREBITS, PR_SET_SECUREBITS, PR_SET_KEEPCAPS, PR_SET_NO_NEW_PRIVS = 27, 28, 8, 38
vitrine.result({
    "control": code(libc.setuid, 1000),
    "setuid": code(libc.setuid, 0),
    "setgid": code(libc.setgid, 0),
    "setgroups": code(libc.setgroups, 1, (ctypes.c_int * 1)(0)),
    "unshare": code(libc.unshare, 0x10000000),
    "securebits": libc.prctl(PR_GET_SECUREBITS),
    "loosen": code(libc.prctl, PR_SET_SECUREBITS, 0, 0, 0, 0),
    "keepcaps": code(libc.prctl, PR_SET_KEEPCAPS, 1, 0, 0, 0),
    "nnp": code(libc.prctl, PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0),
})
)");
    ASSERT_TRUE(result["value"].is_object()) << result;
    const auto& value = result["value"];
    EXPECT_EQ(value["control"], 0);
    for (const char* attack :
         {"setuid", "setgid", "setgroups", "unshare", "loosen", "keepcaps", "nnp"}) {
        EXPECT_NE(value[attack], 0) << attack;
    }
    constexpr int kAllLocked = 0xef;  // NOROOT, NO_SETUID_FIXUP, NO_CAP_AMBIENT_RAISE, all locks.
    EXPECT_EQ(value["securebits"], kAllLocked);
}

TEST(Identity, HoldsNoDescriptorOfTheCallers) {
    const auto result = result_unvalidated(R"(
import fcntl, os, stat, vitrine
fds = {}
for name in os.listdir("/proc/self/fd"):
    try:
        link = os.readlink("/proc/self/fd/" + name)
    except OSError:
        continue
    if not link.startswith("/proc/"):
        fds[name] = link.split(":")[0]
def reopen(fd):
    try:
        os.close(os.open(f"/proc/self/fd/{fd}", os.O_RDWR))
        return "opened"
    except OSError as error:
        return error.errno
vitrine.result({"fds": fds, "tty": os.isatty(0), "session": os.getsid(0) == os.getpid(),
                "wrote": os.write(1, b"")})
)");
    ASSERT_TRUE(result["value"].is_object()) << result;
    const auto& value = result["value"];
    EXPECT_EQ(value["fds"],
              (nlohmann::json{{"0", "pipe"}, {"1", "pipe"}, {"2", "pipe"}, {"3", "socket"}}));
    EXPECT_EQ(value["tty"], false);
    EXPECT_EQ(value["session"], true);
}

TEST(Identity, SeesAnEnvironmentOfItsOwn) {
    const Call call{
        .arguments = {"run", "--no-validate", "--result", "-", "-e", "GIVEN=yes", "-e",
                      "VITRINE_TEST_PASSED", "-c", R"(
import os, vitrine
vitrine.result({"names": sorted(os.environ), "home": os.environ["HOME"],
                "given": os.environ["GIVEN"], "passed": os.environ.get("VITRINE_TEST_PASSED"),
                "exec": open("/proc/self/environ").read(), "arguments": open("/proc/self/cmdline").read()})
)"},
        .environment = {{"VITRINE_TEST_SECRET", "hush"}, {"VITRINE_TEST_PASSED", "on"}}};
    const auto result = run_vitrine(call).result();
    ASSERT_TRUE(result["value"].is_object()) << result;
    const auto& value = result["value"];
    EXPECT_EQ(value["names"].dump().find("SECRET"), std::string::npos);
    EXPECT_EQ(value["home"], "/tmp");
    EXPECT_EQ(value["given"], "yes");
    EXPECT_EQ(value["passed"], "on");
    EXPECT_EQ(value["exec"], "");
    EXPECT_EQ(value["arguments"].get<std::string>().find("run"), std::string::npos);
}

/// A secret of the supervisor's, its argv and its environment must not be in the payload's memory.
TEST(Identity, HoldsNothingOfTheSupervisorsMemory) {
    const Call call{
        .arguments = {"run", "--no-validate", "--result", "-", "--id", "ID-7f3a-IN-ARGV", "-c", R"(
import vitrine
# What is looked for never stands in this program's own memory: a prefix, and the sum of each
# following character with the next.
prefixes = [b"SECRET-", b"ID-7f3a-", b"TWIN-"]
sums = [[156, 148, 150], [151, 123, 110, 147, 153, 157], [106, 150, 194]]
twin = bytes(ord(letter) for letter in "TWIN") + bytes([45, 53, 53, 97, 97])
found = [0, 0, 0]

def follows(data, at, expected):
    return [data[at + i] + data[at + i + 1] for i in range(len(expected))] == expected

def count(data, prefix, expected):
    total, at = 0, data.find(prefix)
    while at >= 0 and at + len(prefix) + len(expected) < len(data):
        total += follows(data, at + len(prefix), expected)
        at = data.find(prefix, at + 1)
    return total

memory = open("/proc/self/mem", "rb", buffering=0)
for line in open("/proc/self/maps"):
    fields = line.split()
    start, end = (int(part, 16) for part in fields[0].split("-"))
    if "r" not in fields[1] or fields[-1] in ("[vvar]", "[vsyscall]", "[vvar_vclock]"):
        continue
    try:
        memory.seek(start)
        data = memory.read(end - start)
    except (OSError, ValueError, OverflowError):
        continue
    for index, prefix in enumerate(prefixes):
        found[index] += count(data, prefix, sums[index])
vitrine.result(found)
)"},
        .environment = {{"VITRINE_TEST_SECRET", "SECRET-9c1e"}}};
    const auto result = run_vitrine(call).result();
    ASSERT_TRUE(result["value"].is_array()) << result;
    EXPECT_EQ(result["value"][0], 0);
    EXPECT_EQ(result["value"][1], 0);
    EXPECT_GT(result["value"][2], 0);  // Control: the search does find what is there.
}

}  // namespace
}  // namespace vitrine::test
