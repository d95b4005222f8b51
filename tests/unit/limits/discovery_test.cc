// What is said of hosts whose cgroups cannot be used, told by files that look like theirs.
#include <gtest/gtest.h>

#include "base/error.h"
#include "limits/cgroup_tree.h"
#include "support/scratch.h"

namespace vitrine::limits {
namespace {

/// A host made of files: its hierarchy is a directory.
class FakeHost {
  public:
    std::string mount_options = "rw,nosuid";
    std::string controllers = "cpu memory pids";
    std::string own = "0::/\n";
    bool is_namespace = true;  ///< As in a container: its top has a type.

    Unavailable discover() const {
        scratch_.write("cgroup.controllers", controllers + "\n");
        if (is_namespace) scratch_.write("cgroup.type", "domain\n");
        const std::string mounts =
            concat("22 27 0:21 / /proc rw - proc proc rw\n30 27 0:26 / ", scratch_.path(), " ",
                   mount_options, " - cgroup2 none rw\n");
        return ask(mounts);
    }

    Unavailable ask(const std::string& mounts) const {
        auto found = CgroupTree::discover({.mountinfo = scratch_.write("mountinfo", mounts),
                                           .own_cgroup = scratch_.write("cgroup", own),
                                           .systemd = scratch_.path() + "/no-systemd"});
        return found ? Unavailable{.cause = {}, .message = "found", .remedy = {}, .file = {}}
                     : found.error();
    }

    const test::Scratch& scratch() const { return scratch_; }

  private:
    test::Scratch scratch_;
};

bool says(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

TEST(CgroupDiscovery, SaysWhenThereIsNoV2AtAll) {
    FakeHost host;
    const Unavailable answer = host.ask("22 27 0:21 / /proc rw - proc proc rw\n");
    EXPECT_EQ(answer.message, "no cgroup v2 hierarchy is mounted");
    EXPECT_TRUE(says(answer.remedy, "mount -t cgroup2"));
    host.own = "9:memory:/\n1:name=systemd:/\n";
    EXPECT_EQ(host.ask("").message, "this host has cgroup v1 only");
}

TEST(CgroupDiscovery, NamesTheControllersThatAreOnV1) {
    FakeHost host;
    host.controllers = "hugetlb";
    host.own = "9:memory:/\n8:pids:/\n4:cpu,cpuacct:/\n0::/\n";
    const Unavailable answer = host.discover();
    EXPECT_EQ(answer.message, "this host has cpu, memory, pids on cgroup v1");
    EXPECT_TRUE(says(answer.remedy, "unified_cgroup_hierarchy"));
}

TEST(CgroupDiscovery, SaysWhenTheTreeIsReadOnly) {
    FakeHost host;
    host.mount_options = "ro,nosuid";
    const Unavailable answer = host.discover();
    EXPECT_TRUE(says(answer.message, "mounted read-only"));
    EXPECT_TRUE(says(answer.remedy, "remount,rw"));
}

TEST(CgroupDiscovery, SaysWhatTheKernelRunsWithout) {
    FakeHost host;
    host.controllers = "cpu pids";
    host.is_namespace = false;
    const Unavailable answer = host.discover();
    EXPECT_EQ(answer.message, "this kernel runs without the cgroup controllers memory");
    EXPECT_TRUE(says(answer.remedy, "cgroup_disable"));
}

TEST(CgroupDiscovery, SaysWhatWasNotDelegated) {
    FakeHost host;
    host.controllers = "cpu pids";
    host.scratch().write("cgroup.procs", "");
    host.scratch().write("cgroup.subtree_control", "");
    const Unavailable answer = host.discover();
    EXPECT_EQ(answer.message, "the cgroup '/' was not given the controllers memory");
    EXPECT_TRUE(says(answer.remedy, "Delegate=yes"));
}

TEST(CgroupDiscovery, SaysWhenOthersAreInTheCgroup) {
    FakeHost host;
    host.scratch().write("cgroup.procs", "1\n");
    host.scratch().write("cgroup.subtree_control", "");
    const Unavailable answer = host.discover();
    EXPECT_TRUE(says(answer.message, "holds other processes")) << answer.message;
    EXPECT_TRUE(says(answer.remedy, "cgroup.procs"));
}

TEST(CgroupDiscovery, SaysWhatTheKernelRefused) {
    FakeHost host;
    host.is_namespace = false;
    const Unavailable answer = host.discover();
    EXPECT_TRUE(says(answer.message, "not ours to set") || says(answer.message, "not delegated"))
        << answer.message;
}

TEST(CgroupHost, FindsItsOwnPathBelowAPartialMount) {
    const test::Scratch scratch;
    const CgroupHost host = look_at_host(
        {.mountinfo = scratch.write("mountinfo",
                                    "30 27 0:26 /docker/ab /sys/fs/cgroup rw - cgroup2 none rw\n"),
         .own_cgroup = scratch.write("cgroup", "0::/docker/ab/inner\n")});
    EXPECT_EQ(host.mount_point, "/sys/fs/cgroup");
    EXPECT_EQ(host.own_path, "/inner");
}

}  // namespace
}  // namespace vitrine::limits
