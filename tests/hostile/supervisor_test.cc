// The supervisor: what a job can do to the process that watches it, and to the host's mounts
// through it.
#include <gtest/gtest.h>
#include <stdio.h>
#include <unistd.h>

#include <memory>

#include "base/error.h"
#include "support/scratch.h"
#include "support/vitrine_program.h"

namespace vitrine::test {
namespace {

TEST(Supervisor, EndsThoughTheJobGaveItAChild) {
    const auto result = result_unvalidated(R"(
import ctypes, vitrine
libc = ctypes.CDLL(None, use_errno=True)
SYS_CLONE, CLONE_PARENT = 56, 0x8000
pid = libc.syscall(SYS_CLONE, CLONE_PARENT, 0, 0, 0, 0)
if pid == 0:
    libc._exit(0)
vitrine.result(pid)
)",
                                           {"--timeout", "5s"});
    EXPECT_EQ(result["status"], "exited");
    EXPECT_GT(result["value"], 0) << "the attack did not run";
}

TEST(Supervisor, EndsThoughAThreadMadeItItsTracer) {
    const auto result = result_unvalidated(R"(
import ctypes, threading, vitrine
libc = ctypes.CDLL(None, use_errno=True)
answers = []
thread = threading.Thread(target=lambda: answers.append(libc.ptrace(0, 0, 0, 0)))
thread.start()
thread.join()
vitrine.result(answers[0])
)",
                                           {"--timeout", "5s"});
    EXPECT_EQ(result["status"], "exited");
    EXPECT_EQ(result["value"], 0) << "PTRACE_TRACEME was refused: the attack did not run";
}

TEST(Supervisor, KeepsItsClockWhileClaimsPourIn) {
    const auto result = result_unvalidated(R"(
import os, struct
print(os.write(3, struct.pack("II", 17, 0)), flush=True)
os.fork()
while True:
    os.write(3, struct.pack("II", 17, 0) * 8192)
)",
                                           {"--timeout", "2s"});
    EXPECT_EQ(result["status"], "timeout");
    EXPECT_EQ(result["stdout"]["text"], "8\n") << "the attack did not run";
    EXPECT_LT(result["usage"]["wall_ms"], 6000 * time_scale());
}

TEST(Supervisor, IsToldThingsOneWay) {
    const auto result = result_unvalidated(R"(
import os, vitrine
def attempt(action):
    try:
        return repr(action())
    except OSError as error:
        return error.strerror
vitrine.result({
    "written": attempt(lambda: os.write(3, b"")),
    "read": attempt(lambda: os.read(3, 100)),
    "reopened": attempt(lambda: os.open("/proc/self/fd/3", os.O_RDONLY)),
})
)");
    EXPECT_EQ(result["value"]["written"], "0");
    EXPECT_EQ(result["value"]["read"], "b''");
    EXPECT_EQ(result["value"]["reopened"], "No such device or address");
}

TEST(Supervisor, LeavesTheHostsStandardInputAlone) {
    const auto result = result_unvalidated(R"(
import os, stat, sys, vitrine
vitrine.result([stat.S_ISFIFO(os.fstat(0).st_mode), sys.stdin.read()])
)");
    EXPECT_EQ(result["value"], nlohmann::json::parse(R"([true, ""])"));
}

/// What `script` prints in a mount namespace whose mounts are shared, as systemd has them.
std::string run_with_shared_mounts(const std::string& script) {
    const char* unshare = ::geteuid() == 0 ? "unshare -m" : "unshare -Urm";
    const std::string command =
        concat(unshare, " sh -c 'mount --make-rshared / && ", script, "' 2>&1");
    const std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(command.c_str(), "re"), &::pclose);
    std::string out;
    for (int c = ::fgetc(pipe.get()); c != EOF; c = ::fgetc(pipe.get()))
        out.push_back(static_cast<char>(c));
    return out;
}

TEST(Supervisor, MountsNothingOnTheHostThatSharesItsMounts) {
    const Scratch scratch;
    scratch.write("marker", "");
    const std::string mine = scratch.path();
    const std::string run = concat(
        "timeout 60 ", vitrine_path(), " run -q --no-validate --ro-bind ", mine,
        ":/usr/share/zoneinfo -c \"import os; print(os.listdir(\\\"/usr/share/zoneinfo\\\"), "
        "[line for line in open(\\\"/proc/self/mountinfo\\\") if \\\"shared:\\\" in line or "
        "\\\"master:\\\" in line])\"");
    const std::string out = run_with_shared_mounts(concat(
        run, "; grep -c shared: /proc/self/mountinfo; grep zoneinfo /proc/self/mountinfo; true"));
    EXPECT_TRUE(out.starts_with("['marker'] []\n")) << out;
    EXPECT_EQ(out.find(mine), std::string::npos) << "left on the host: " << out;
    EXPECT_NE(out[out.find('\n') + 1], '0') << "the control: nothing was shared. " << out;
}

}  // namespace
}  // namespace vitrine::test
