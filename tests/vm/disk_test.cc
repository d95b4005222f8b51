// Limits on a block device, on the disk of the machine that tools/test-vm boots.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/error.h"
#include "base/file.h"
#include "limits/cgroup_tree.h"
#include "support/vitrine_program.h"

namespace vitrine::test {
namespace {

constexpr const char* kDevice = "/dev/vda";
constexpr const char* kDirectory = "/run/disk";

/// Moves 4 MiB past the page cache, by 256 KiB; its value is the seconds that took.
constexpr const char* kMoves = R"(
import mmap, os, time, vitrine
block = mmap.mmap(-1, 256 << 10)
fd = os.open("/disk/moved", os.O_DIRECT | os.O_CREAT | FLAGS)
start = time.monotonic()
for _ in range(16):
    assert MOVE(fd, [block]) == len(block)
vitrine.result(time.monotonic() - start)
)";

double seconds_of(const std::string& head, const std::vector<std::string>& limit) {
    std::vector<std::string> flags{"--bind", std::string(kDirectory) + ":/disk", "--timeout",
                                   "200s"};
    flags.insert(flags.end(), limit.begin(), limit.end());
    const auto result = result_unvalidated(head + kMoves, flags);
    EXPECT_EQ(result["status"], "exited") << result;
    return result["value"];
}

TEST(Disk, WritesAreHeldToTheirRate) {
    const std::string write = "from os import writev as MOVE, O_WRONLY as FLAGS";
    const std::string rate = std::string(kDevice) + ":1m";
    EXPECT_GT(seconds_of(write, {"--device-write-bps", rate}), 2.5);
    EXPECT_LT(seconds_of(write, {}), 2);
    EXPECT_LT(seconds_of(write, {"--device-read-bps", rate}), 2);
}

TEST(Disk, ReadsAreHeldToTheirRate) {
    const std::string write = "from os import writev as MOVE, O_WRONLY as FLAGS";
    const std::string read = "from os import readv as MOVE, O_RDONLY as FLAGS";
    (void)seconds_of(write, {});
    EXPECT_GT(seconds_of(read, {"--device-read-bps", std::string(kDevice) + ":1m"}), 2.5);
    EXPECT_LT(seconds_of(read, {}), 2);
    EXPECT_GT(seconds_of(read, {"--device-read-iops", std::string(kDevice) + ":5"}), 2.5);
}

TEST(Disk, EveryKindOfLimitIsALineOfOneFile) {
    struct stat info{};
    ASSERT_EQ(::stat(kDevice, &info), 0);
    const std::uint32_t major = ::gnu_dev_major(info.st_rdev);
    const std::uint32_t minor = ::gnu_dev_minor(info.st_rdev);
    Limits limits;
    for (const char* kind : {"rbps", "wbps", "riops", "wiops"})
        limits.devices.push_back({major, minor, kind, 1048576});
    const auto tree = limits::CgroupTree::discover();
    ASSERT_TRUE(tree) << tree.error().message;
    const limits::CgroupLeaf leaf = tree->make_leaf(limits, 2);
    EXPECT_EQ(
        read_file(concat("/sys/fs/cgroup", leaf.path(), "/io.max"), 4096),
        concat(major, ":", minor, " rbps=1048576 wbps=1048576 riops=1048576 wiops=1048576\n"));
}

}  // namespace
}  // namespace vitrine::test
