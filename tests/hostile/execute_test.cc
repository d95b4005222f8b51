// Nothing to execute: execve is allowed by the filter and finds nothing it may run.
#include <gtest/gtest.h>

#include "support/vitrine_program.h"

namespace vitrine::test {
namespace {

/// Runs `attempt` in a forked child; the exit code tells: 99 when execve did not return.
constexpr const char* kTry = R"(
import errno, os, stat, sys, vitrine

def attempt(target, *arguments):
    reader, writer = os.pipe()
    os.set_inheritable(writer, False)
    child = os.fork()
    if child == 0:
        try:
            os.execve(target, ["program", *arguments], {})
        except OSError as error:
            os.write(writer, errno.errorcode.get(error.errno, "?").encode())
        os._exit(1)
    os.close(writer)
    answer = os.read(reader, 64).decode()
    os.close(reader)
    os.waitpid(child, 0)
    return answer or "RAN"
)";

std::string with_attempts(const std::string& code) {
    return kTry + code;
}

TEST(Execute, NoFileOfTheRootfsRuns) {
    const auto result = result_unvalidated(with_attempts(R"(
tried, ran, bits, answers = 0, [], [], set()
for directory, _, names in os.walk("/"):
    if directory.startswith(("/proc", "/dev")):
        continue
    for name in names:
        path = os.path.join(directory, name)
        mode = os.lstat(path).st_mode
        if not stat.S_ISREG(mode):
            continue
        if mode & 0o111:
            bits.append(path)
        if ".so" in name or "ld-" in name:
            tried += 1
            answer = attempt(path)
            answers.add(answer)
            if answer == "RAN":
                ran.append(path)
vitrine.result({"tried": tried, "ran": ran, "bits": bits, "answers": sorted(answers)})
)"));
    ASSERT_TRUE(result["value"].is_object()) << result;
    const auto& value = result["value"];
    EXPECT_GT(value["tried"], 20);
    EXPECT_EQ(value["ran"], nlohmann::json::array());
    EXPECT_EQ(value["bits"], nlohmann::json::array());
    // EACCES is the mount's and the mode's word; the filter's would be EPERM or ENOSYS.
    EXPECT_EQ(value["answers"], nlohmann::json::array({"EACCES"}));
}

TEST(Execute, TheLoaderCannotBeAskedToRunAFile) {
    const auto result = result_unvalidated(with_attempts(R"(
import glob
loaders = glob.glob("/usr/lib64/ld-*") + glob.glob("/usr/lib/*/ld-*")
libraries = glob.glob("/usr/lib/*/libc.so*")
vitrine.result({"loaders": len(loaders),
                "answers": sorted({attempt(loader, libraries[0]) for loader in loaders})})
)"));
    ASSERT_TRUE(result["value"].is_object()) << result;
    EXPECT_GE(result["value"]["loaders"], 1);
    EXPECT_EQ(result["value"]["answers"], nlohmann::json::array({"EACCES"}));
}

TEST(Execute, ProcSelfExeIsNotTheHostsAndDoesNotRun) {
    const auto result = result_unvalidated(with_attempts(R"(
vitrine.result({"exe": os.readlink("/proc/self/exe"), "answer": attempt("/proc/self/exe"),
                "readable": open("/proc/self/exe", "rb").read(4)[1:].decode()})
)"));
    ASSERT_TRUE(result["value"].is_object()) << result;
    EXPECT_TRUE(result["value"]["exe"].get<std::string>().starts_with("/memfd:")) << result;
    EXPECT_EQ(result["value"]["answer"], "EACCES");
    EXPECT_EQ(result["value"]["readable"], "ELF");  // Control: the path was the program's.
}

TEST(Execute, ScriptsAndCopiesInTmpDoNotRun) {
    const auto result = result_unvalidated(with_attempts(R"(
import shutil
shutil.copy("/proc/self/exe", "/tmp/copy")
os.chmod("/tmp/copy", 0o755)
open("/tmp/script", "w").write("#!/tmp/copy\n")
os.chmod("/tmp/script", 0o755)
mode = os.stat("/tmp/copy").st_mode & 0o777
vitrine.result([mode, attempt("/tmp/copy"), attempt("/tmp/script")])
)"));
    EXPECT_EQ(result["value"], nlohmann::json::array({0755, "EACCES", "EACCES"})) << result;
}

/// What an older kernel, or a host user without privilege, cannot close must be reported.
TEST(Execute, AMemfdDoesNotRunOrTheResultSaysItMay) {
    const auto result = result_unvalidated(with_attempts(R"(
import struct
# The smallest x86-64 program there is: exit(0), needing no loader.
code = bytes([0x31, 0xff, 0xb8, 60, 0, 0, 0, 0x0f, 0x05])
base, start = 0x400000, 0x400000 + 64 + 56
header = struct.pack("<4sBBB9xHHIQQQIHHHHHH", b"\x7fELF", 2, 1, 1, 2, 62, 1, start, 64, 0, 0, 64, 56, 1, 0, 0, 0)
segment = struct.pack("<IIQQQQQQ", 1, 5, 0, base, base, 120 + len(code), 120 + len(code), 4096)
answers = []
for flags in (0, 0x10):  # MFD_EXEC
    try:
        fd = os.memfd_create("program", flags)
    except OSError as error:
        answers.append(errno.errorcode[error.errno])
        continue
    os.write(fd, header + segment + code)
    os.set_inheritable(fd, True)
    answers.append(attempt(fd))
    answers.append(attempt(f"/proc/self/fd/{fd}"))
plain = os.memfd_create("data", 0)
control = os.write(plain, b"data")
vitrine.result({"answers": answers, "control": control})
)"));
    ASSERT_TRUE(result["value"].is_object()) << result;
    EXPECT_EQ(result["value"]["control"], 4);
    const bool reported =
        result["isolation"]["degraded"].dump().find("memfd_noexec") != std::string::npos;
    const bool ran = result["value"]["answers"].dump().find("RAN") != std::string::npos;
    EXPECT_EQ(ran, reported) << result["value"] << result["isolation"];
}

TEST(Execute, MemoryFromTmpCannotBecomeCode) {
    const auto result = result_unvalidated(R"(
import mmap, os, vitrine
fd = os.open("/tmp/code", os.O_CREAT | os.O_RDWR)
os.write(fd, bytes(4096))
def attempt(protection):
    try:
        mmap.mmap(fd, 4096, mmap.MAP_PRIVATE, protection).close()
        return 0
    except OSError as error:
        return error.errno
vitrine.result([attempt(mmap.PROT_READ), attempt(mmap.PROT_READ | mmap.PROT_EXEC)])
)");
    EXPECT_EQ(result["value"], nlohmann::json::array({0, EPERM})) << result;
}

}  // namespace
}  // namespace vitrine::test
