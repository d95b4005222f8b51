// Layer 3, alone: one small writable place, and the host's files are not there at all.
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <set>
#include <string>

#include "base/error.h"
#include "support/scratch.h"
#include "support/vitrine_program.h"

namespace vitrine::test {
namespace {

TEST(Filesystem, OnlyTmpCanBeWrittenTo) {
    const auto result = result_unvalidated(R"(
import os, vitrine

tried = 0
created = []
for directory, _, _ in os.walk("/"):
    tried += 1
    probe = os.path.join(directory, ".probe")
    try:
        os.close(os.open(probe, os.O_CREAT | os.O_WRONLY))
        created.append(directory)
    except OSError:
        pass
vitrine.result({"tried": tried, "created": created})
)");
    ASSERT_TRUE(result["value"].is_object()) << result;
    EXPECT_GT(result["value"]["tried"], 100);
    const std::set<std::string> created = result["value"]["created"];
    EXPECT_EQ(created, (std::set<std::string>{"/tmp", "/tmp/.shm"}));
}

TEST(Filesystem, NoExistingFileCanBeChanged) {
    const auto result = result_unvalidated(R"(
import os, stat, vitrine

tried, opened = 0, []
for directory, _, names in os.walk("/"):
    for name in names:
        path = os.path.join(directory, name)
        if not stat.S_ISREG(os.lstat(path).st_mode if os.path.lexists(path) else 0):
            continue
        tried += 1
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
            opened.append(path)
        except OSError:
            pass
control = os.open("/tmp/control", os.O_CREAT | os.O_WRONLY)
vitrine.result({"tried": tried, "opened": opened})
)");
    ASSERT_TRUE(result["value"].is_object()) << result;
    EXPECT_GT(result["value"]["tried"], 500);
    EXPECT_EQ(result["value"]["opened"], nlohmann::json::array());
}

TEST(Filesystem, EveryMountButTmpIsReadOnly) {
    const auto result = result_unvalidated(R"(
import vitrine
mounts = {}
for line in open("/proc/self/mountinfo"):
    fields = line.split()
    mounts[fields[4]] = fields[5].split(",")
vitrine.result(mounts)
)");
    ASSERT_TRUE(result["value"].is_object()) << result;
    ASSERT_TRUE(result["value"].contains("/usr"));
    for (const auto& [mount_point, flags] : result["value"].items()) {
        const std::set<std::string> set = flags;
        EXPECT_EQ(set.contains("ro"), mount_point != "/tmp") << mount_point;
        if (!mount_point.starts_with("/dev/") && !mount_point.starts_with("/proc/")) {
            EXPECT_TRUE(set.contains("nodev")) << mount_point;
        }
        EXPECT_TRUE(set.contains("nosuid")) << mount_point;
    }
    EXPECT_TRUE(std::set<std::string>(result["value"]["/tmp"]).contains("noexec"));
    EXPECT_TRUE(std::set<std::string>(result["value"]["/proc"]).contains("noexec"));
}

TEST(Filesystem, TheHostsFilesAreNotHiddenButGone) {
    const Scratch scratch;
    const std::string secret = scratch.write("secret", "the host's own");
    const auto result = result_unvalidated(concat(R"(
import os, vitrine
secret = ")",
                                                  secret, R"("
found = []
for root in ["", "/..", "/../../../..", "/proc/self/root", "/proc/1/root", "/proc/1/cwd",
             "/proc/self/cwd/../..", "/tmp/../.."]:
    try:
        found.append(open(root + secret).read())
    except OSError:
        pass
for fd in range(0, 64):
    try:
        found.append(os.open("../" * 9 + secret[1:], os.O_RDONLY, dir_fd=fd))
    except OSError:
        pass
try:
    os.chroot("/tmp")
    found.append("chroot")
except PermissionError:
    pass
vitrine.result({"found": found, "control": open("/etc/passwd").read().count("vitrine")})
)"));
    ASSERT_TRUE(result["value"].is_object()) << result;
    EXPECT_EQ(result["value"]["found"], nlohmann::json::array());
    EXPECT_GE(result["value"]["control"], 1);
    // The twin: shown on purpose, it is there.
    const auto twin =
        result_unvalidated(concat("import vitrine\nvitrine.result(open('", secret, "').read())"),
                           {"--ro-bind", secret});
    EXPECT_EQ(twin["value"], "the host's own") << twin;
}

TEST(Filesystem, ProcTellsOfTheJobAlone) {
    const auto result = result_unvalidated(R"(
import os, vitrine
telling = {}
for name in ["kcore", "keys", "key-users", "kallsyms", "interrupts", "timer_list", "iomem",
             "ioports", "kmsg", "sysrq-trigger", "bus/pci/devices", "irq/0/smp_affinity",
             "fs/nfsd", "scsi/scsi", "acpi/wakeup", "asound/version", "sched_debug", "vmallocinfo",
             "kpagecount", "config.gz"]:
    try:
        data = open("/proc/" + name, "rb").read(64)
        if data:
            telling[name] = len(data)
    except OSError:
        pass
processes = sorted(int(name) for name in os.listdir("/proc") if name.isdigit())
changed = []
for path in ["/proc/sys/kernel/hostname", "/proc/sys/kernel/core_pattern", "/proc/sys/vm/swappiness",
             "/proc/sys/kernel/msgmax", "/proc/sys/fs/mqueue/queues_max", "/proc/self/oom_score_adj"]:
    try:
        open(path, "r+").write("1")
        changed.append(path)
    except OSError:
        pass
vitrine.result({"telling": telling, "processes": processes, "changed": changed,
                "control": open("/proc/self/stat").read().split()[0], "pid": os.getpid(),
                "sys": os.path.exists("/sys")})
)");
    ASSERT_TRUE(result["value"].is_object()) << result;
    const auto& value = result["value"];
    EXPECT_EQ(value["telling"], nlohmann::json::object());
    EXPECT_EQ(value["changed"], nlohmann::json::array());
    EXPECT_EQ(value["processes"], (nlohmann::json::array({1, value["pid"]})));
    EXPECT_EQ(value["control"], std::to_string(value["pid"].get<int>()));
    EXPECT_EQ(value["sys"], false);
}

TEST(Filesystem, DevHoldsWhatProgramsNeedAndNothingElse) {
    const auto result = result_unvalidated(R"(
import os, vitrine
def can(path, mode):
    try:
        open(path, mode).close()
        return True
    except OSError:
        return False
made = []
for kind in (0o060000, 0o020000):
    try:
        os.mknod("/tmp/node", 0o600 | kind, os.makedev(8, 0))
        made.append(kind)
    except OSError:
        pass
vitrine.result({"names": sorted(os.listdir("/dev")), "null": can("/dev/null", "w"),
                "random": len(open("/dev/urandom", "rb").read(8)), "made": made,
                "tty": can("/dev/tty", "r")})
)");
    ASSERT_TRUE(result["value"].is_object()) << result;
    const auto& value = result["value"];
    EXPECT_EQ(value["names"],
              nlohmann::json::array({"fd", "full", "null", "random", "shm", "stderr", "stdin",
                                     "stdout", "urandom", "zero"}));
    EXPECT_EQ(value["null"], true);
    EXPECT_EQ(value["random"], 8);
    EXPECT_EQ(value["made"], nlohmann::json::array());
    EXPECT_EQ(value["tty"], false);
}

TEST(Filesystem, TmpEndsWhereItsSizeSays) {
    const std::string fill = R"(
import vitrine
written = 0
try:
    with open("/tmp/fill", "wb", buffering=0) as file:
        while written < 12 << 20:
            written += file.write(bytes(1 << 20))
except OSError as error:
    vitrine.result([written >> 20, error.errno])
else:
    vitrine.result([written >> 20, 0])
)";
    EXPECT_EQ(result_unvalidated(fill, {"--tmpfs", "/tmp:size=8m"})["value"],
              nlohmann::json::array({8, ENOSPC}));
    EXPECT_EQ(result_unvalidated(fill, {"--tmpfs", "/tmp:size=32m"})["value"],
              nlohmann::json::array({12, 0}));
}

TEST(Filesystem, BindsShowAndDoNotGive) {
    const Scratch scratch;
    scratch.write("data", "42");
    const auto result = result_unvalidated(
        R"(
import os, vitrine
errors = []
for path in ["/data/data", "/data/new", "/tmp/in/data"]:
    try:
        open(path, "w")
        errors.append(0)
    except OSError as error:
        errors.append(error.errno)
vitrine.result({"read": open("/data/data").read() + open("/tmp/in/data").read(), "errors": errors})
)",
        {"--ro-bind", scratch.path() + ":/data", "--ro-bind", scratch.path() + ":/tmp/in"});
    ASSERT_TRUE(result["value"].is_object()) << result;
    EXPECT_EQ(result["value"]["read"], "4242");
    for (const auto& error : result["value"]["errors"]) {
        EXPECT_TRUE(error == EROFS || error == EACCES) << error;
    }
}

/// A job that may write into a bind can leave links there for the next run's binds to follow.
TEST(Filesystem, ABindBelowABindMakesNothingThroughItsLinks) {
    const Scratch outer;
    const Scratch inner;
    const Scratch target;
    inner.write("data", "42");
    ASSERT_EQ(::chmod(outer.path().c_str(), 0777), 0);
    ASSERT_EQ(::chmod(target.path().c_str(), 0777), 0);
    ASSERT_EQ(::symlink(target.path().c_str(), (outer.path() + "/link").c_str()), 0);
    ASSERT_EQ(::mkdir((outer.path() + "/inside").c_str(), 0755), 0);
    for (const std::string place : {"/data", "/tmp/in"}) {
        const auto bound = [&](const std::string& below) {
            return run_code("print(open('" + place + "/inside/data').read())",
                            {"--no-validate", "--bind", outer.path() + ":" + place, "--ro-bind",
                             inner.path() + ":" + place + below});
        };
        const Answer through = bound("/link/made");
        EXPECT_EQ(through.exit_code, 125) << through.err;
        EXPECT_TRUE(std::filesystem::is_empty(target.path())) << place;
        EXPECT_EQ(bound("/not-there").exit_code, 125);
        // The control: where the place is there, it is covered.
        const Answer fine = bound("/inside");
        EXPECT_EQ(fine.out, "42\n") << fine.err;
    }
}

TEST(Filesystem, SharedMemoryAndForkWork) {
    const auto result = result_unvalidated(R"(
import multiprocessing, vitrine

def square(number):
    return number * number

context = multiprocessing.get_context("fork")
with context.Pool(2) as pool:
    squares = pool.map(square, range(4))
import mmap, os
fd = os.open("/dev/shm/block", os.O_CREAT | os.O_RDWR)
os.ftruncate(fd, 4096)
block = mmap.mmap(fd, 4096)
if os.fork() == 0:
    block[0] = 7
    os._exit(0)
os.wait()
vitrine.result([squares, block[0]])
)");
    EXPECT_EQ(result["value"], (nlohmann::json::array({{0, 1, 4, 9}, 7}))) << result;
}

/// A file only its owner may read, in a directory only that owner may enter, as a caller keeps
/// them.
class PrivateBind : public testing::Test {
  protected:
    PrivateBind() {
        ::chmod(scratch_.path().c_str(), 0700);
        ::chmod(scratch_.write("file", "mine").c_str(), 0600);
    }
    std::string of(const std::string& place) const { return scratch_.path() + place; }

    Scratch scratch_;
};

TEST_F(PrivateBind, ShowsTheJobWhatOnlyItsOwnerMayRead) {
    constexpr const char* kRead = R"(
import os, vitrine
def attempt(action):
    try:
        return action()
    except OSError as error:
        return error.strerror
vitrine.result([open("/data/file").read(), os.stat("/data/file").st_uid,
                attempt(lambda: open("/data/file", "a")), attempt(lambda: os.chmod("/data/file", 0o644))])
)";
    const nlohmann::json expected{"mine", 1000, "Read-only file system", "Read-only file system"};
    EXPECT_EQ(result_unvalidated(kRead, {"--ro-bind", of("") + ":/data"})["value"], expected);
    EXPECT_EQ(result_unvalidated(kRead, {"--ro-bind", of("/file") + ":/data/file"})["value"],
              expected);
}

TEST_F(PrivateBind, LeavesTheOwnersFilesAndNoSetIdBit) {
    const auto result = result_unvalidated(R"(
import ctypes, os, vitrine
libc = ctypes.CDLL(None, use_errno=True)
def attempt(action):
    try:
        return action() or "done"
    except OSError as error:
        return error.strerror
open("/data/new", "w").write("the job's")
file = os.open("/data/new", os.O_RDWR)
vitrine.result({
    "control": [attempt(lambda: os.chmod("/data/new", 0o755)),
                attempt(lambda: os.close(os.open("/data/other", os.O_CREAT | os.O_RDWR, 0o755)))],
    "set": [attempt(lambda: os.chmod("/data/new", 0o4755)),
            attempt(lambda: os.chmod("/data/new", 0o2755)),
            attempt(lambda: os.fchmod(file, 0o4755)),
            attempt(lambda: os.open("/data/made", os.O_CREAT | os.O_RDWR, 0o4755)),
            attempt(lambda: os.open("/data", os.O_TMPFILE | os.O_RDWR, 0o4755)),
            attempt(lambda: os.mknod("/data/node", 0o104755))]})
)",
                                           {"--bind", of("") + ":/data"});
    ASSERT_TRUE(result["value"].is_object()) << result;
    EXPECT_EQ(result["value"]["control"], (nlohmann::json{"done", "done"}));
    for (const auto& answer : result["value"]["set"])
        EXPECT_EQ(answer, "Operation not permitted") << result["value"];
    struct stat made{};
    ASSERT_EQ(::stat(of("/new").c_str(), &made), 0);
    EXPECT_EQ(made.st_uid, ::geteuid());
    EXPECT_EQ(made.st_mode & 07777, 0755U);
    for (const auto& entry : std::filesystem::directory_iterator(of(""))) {
        const auto set = std::filesystem::perms::set_uid | std::filesystem::perms::set_gid;
        EXPECT_EQ(entry.status().permissions() & set, std::filesystem::perms::none) << entry;
    }
}

/// /proc/sys cannot be bound; a file system that the kernel has no idmapped mounts for can.
TEST(Bind, IsRefusedWithTheReasonWhereItCannotBeTheJobs) {
    if (::geteuid() != 0) return;  // Anybody else's job is the owner itself.
    Scratch mounted;
    ASSERT_EQ(::mount("ramfs", mounted.path().c_str(), "ramfs", 0, "mode=0700"), 0);
    const std::string file = mounted.write("file", "mine");
    ::chmod(file.c_str(), 0600);
    const Answer refused = run_code("pass", {"--ro-bind", file + ":/data/file"});
    EXPECT_EQ(refused.exit_code, 125);
    EXPECT_NE(refused.err.find("cannot be given to the job's own user"), std::string::npos)
        << refused.err;
    EXPECT_NE(refused.err.find("knows no idmapped mounts"), std::string::npos) << refused.err;
    ::chmod(file.c_str(), 0644);
    ::chmod(mounted.path().c_str(), 0755);
    EXPECT_EQ(run_code("pass", {"--ro-bind", file + ":/data/file"}).exit_code, 0);
    EXPECT_EQ(run_code("pass", {"--bind", file + ":/data/file"}).exit_code, 125);
    ::umount2(mounted.path().c_str(), MNT_DETACH);
}

}  // namespace
}  // namespace vitrine::test
