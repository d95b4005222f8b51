// A job that is a command: it may execute the rootfs's commands, and nothing else. Each attack's
// control is the same act where it is allowed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "base/error.h"
#include "support/scratch.h"
#include "support/vitrine_program.h"

namespace vitrine::test {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kBusybox = "/usr/bin/busybox";

std::size_t count_in(const std::string& text, std::string_view part) {
    std::size_t count = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
        ++count;
    return count;
}

/// What `script` printed; its stderr goes along.
std::string said(const std::string& script, const std::vector<std::string>& flags = {}) {
    return run_shell("exec 2>&1\n" + script, flags).out;
}

TEST(Command, ExecutesNothingFromTmp) {
    const std::string out = said(R"(
cp /usr/bin/busybox /tmp/copy && chmod 755 /tmp/copy && ls -l /tmp/copy | cut -c1-10
/tmp/copy echo RAN; echo "code $?"
printf '#!/usr/bin/busybox sh\necho RAN\n' > /tmp/script; chmod 755 /tmp/script
/tmp/script; echo "code $?"
ln -s /usr/bin/busybox /tmp/echo; /tmp/echo control
)");
    EXPECT_THAT(out, HasSubstr("-rwxr-xr-x\n"));
    EXPECT_THAT(out, Not(HasSubstr("RAN")));
    EXPECT_THAT(out, HasSubstr("/tmp/copy: Permission denied\ncode 126\n"));
    EXPECT_THAT(out, HasSubstr("/tmp/script: Permission denied\ncode 126\n"));
    // A link in /tmp leads to the rootfs: what is executed is what may be.
    EXPECT_THAT(out, HasSubstr("control\n"));
}

TEST(Command, CannotHaveTheLoaderMapAFileOfTmp) {
    const std::string out = said(R"(
loader=$(echo /lib64/ld-linux-*)
cp /usr/bin/cat /tmp/cat
echo control > /tmp/file
$loader /usr/bin/cat /tmp/file
$loader /tmp/cat /tmp/file && echo RAN
)");
    EXPECT_THAT(out, HasSubstr("control\n"));
    EXPECT_THAT(out, Not(HasSubstr("RAN")));
    EXPECT_THAT(out, HasSubstr("/tmp/cat"));
}

TEST(Command, ExecutesNoFileOfABind) {
    const Scratch scratch;
    const std::string program = scratch.path() + "/busybox";
    std::filesystem::copy_file(rootfs_with_commands() + kBusybox, program);
    ASSERT_EQ(run_program(program, {.arguments = {"echo", "runs"}}).out, "runs\n");
    const std::vector<std::string> flags{"--ro-bind", program + ":/data/busybox", "--ro-bind",
                                         program + ":/usr/bin/cat"};
    const std::string out = said(R"(
wc -c < /data/busybox
/data/busybox echo RAN; echo "code $?"
/usr/bin/cat echo RAN; echo "code $?"
)",
                                 flags);
    // Readable, so it is there.
    EXPECT_THAT(out, HasSubstr(concat(std::filesystem::file_size(program), "\n")));
    EXPECT_THAT(out, Not(HasSubstr("RAN")));
    EXPECT_THAT(out, HasSubstr("/data/busybox: Permission denied\ncode 126\n"));
    // Below a directory of the rootfs, where execution is allowed: the mount itself refuses.
    EXPECT_THAT(out, HasSubstr("/usr/bin/cat: Permission denied\ncode 126\n"));
    EXPECT_EQ(said("echo control > /tmp/file; /usr/bin/cat /tmp/file"), "control\n");
    const Answer direct = run_command({"/data/busybox", "true"}, flags);
    EXPECT_EQ(direct.exit_code, 126);
    EXPECT_THAT(direct.err, HasSubstr("no bind"));
}

TEST(Command, WritesNoFileOfTheRootfs) {
    const std::string out = said(R"(
echo x > /usr/bin/busybox; echo x > /usr/new; chmod u+s /usr/bin/busybox; mkdir /new
rm /usr/bin/cat
echo x > /tmp/new && echo control
)");
    EXPECT_EQ(count_in(out, "Read-only"), 5U) << out;
    EXPECT_THAT(out, HasSubstr("control\n"));
}

TEST(Command, GainsNothingBySetIdBits) {
    const Scratch scratch;
    const std::string root = scratch.path() + "/root";
    std::filesystem::copy(
        rootfs_with_commands(), root,
        std::filesystem::copy_options::recursive | std::filesystem::copy_options::copy_symlinks);
    ASSERT_EQ(::chmod((root + kBusybox).c_str(), 06755), 0);
    const Answer answer = run_shell(
        "stat -c %a /usr/bin/busybox; busybox id -u; busybox id -g; grep -E "
        "'^(Uid|NoNewPrivs|CapPrm|CapBnd)' /proc/self/status",
        {"--rootfs", root});
    EXPECT_EQ(answer.out,
              "6755\n1000\n1000\nUid:\t1000\t1000\t1000\t1000\nCapPrm:\t0000000000000000\n"
              "CapBnd:\t0000000000000000\nNoNewPrivs:\t1\n")
        << answer.err;
}

TEST(Command, HasNoDescriptorButItsStreams) {
    // The 3 is ls's own, on the directory.
    EXPECT_EQ(said("ls /proc/self/fd"), "0\n1\n2\n3\n");
    EXPECT_THAT(said("exec 3>/tmp/file; ls /proc/$$/fd"), HasSubstr("3\n"));
}

TEST(Command, CannotReachItsInit) {
    const std::string out = said(R"(
cat /proc/1/environ > /tmp/a || echo refused
readlink /proc/1/fd/0 || echo refused
cat /proc/1/fd/4 || echo refused
readlink /proc/1/exe || echo refused
/proc/1/exe; echo "code $?"
head -c 1 /proc/1/mem || echo refused
kill -9 1
sleep 5 & readlink /proc/$!/exe
cat /proc/$!/environ > /tmp/b && echo control
)");
    EXPECT_EQ(count_in(out, "refused"), 5U) << out;
    EXPECT_THAT(out, HasSubstr("code 126\n"));
    // Init's death would have ended all that follows.
    EXPECT_THAT(out, HasSubstr("/usr/bin/busybox\ncontrol\n"));
}

TEST(Command, IsUnderTheFilterAndWithoutANetwork) {
    const std::string out = said(R"(
mount -t tmpfs x /tmp; echo "mount $?"
unshare -r true; echo "unshare $?"
chroot /tmp /x; echo "chroot $?"
hostname other; echo "hostname $?"
ls /sys/class/net; grep -c : /proc/net/dev
)");
    EXPECT_THAT(out, HasSubstr("mount 1\n"));
    EXPECT_THAT(out, Not(HasSubstr("unshare 0\n")));
    EXPECT_THAT(out, Not(HasSubstr("chroot 0\n")));
    EXPECT_THAT(out, HasSubstr("hostname 1\n"));
    EXPECT_THAT(out, testing::EndsWith("1\n"));  // lo
    EXPECT_EQ(said("hostname"), "vitrine\n");    // Control: the command itself works.
}

TEST(Command, EndsWithAllItsProcesses) {
    const Answer answer = run_shell(
        "i=0; while [ $i -lt 30 ]; do sleep 1000 & i=$((i+1)); done; "
        "echo started",
        {"--pids-limit", "20", "--timeout", "20s"});
    EXPECT_NE(answer.exit_code, 124) << "sleeping children kept it";
    const Answer bomb = run_shell("f() { f | f & }; f; sleep 1; echo control",
                                  {"--pids-limit", "20", "--timeout", "20s"});
    EXPECT_NE(bomb.exit_code, 124);
}

/// The rootfs's commands are for jobs that are commands: a Python program executes nothing.
TEST(Command, GivesAPythonJobNoExecution) {
    const auto result = result_unvalidated(R"(
import os, vitrine
def attempt(path):
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.execve(path, ["busybox", "true"], {})
        except OSError as error:
            os.write(writer, error.strerror.encode())
        os._exit(1)
    os.close(writer)
    return os.read(reader, 100).decode() or "RAN"
vitrine.result([os.access("/usr/bin/busybox", os.X_OK), attempt("/usr/bin/busybox")])
)",
                                           {"--rootfs", rootfs_with_commands()});
    EXPECT_EQ(result["value"], (nlohmann::json{true, "Permission denied"})) << result;
    EXPECT_EQ(run_command({"busybox", "true"}).exit_code, 0);
}

}  // namespace
}  // namespace vitrine::test
