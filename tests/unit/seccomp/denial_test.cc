// Why a call was denied, and what would let it through.
#include "seccomp/denial.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>

#include "base/error.h"
#include "support.h"

namespace vitrine::seccomp {
namespace {

using test::denied;
using test::shipped;

Denial explain(std::vector<std::string> profiles, long number,
               std::initializer_list<std::uint64_t> arguments = {},
               std::uint32_t outcome = denied(EPERM)) {
    std::vector<ProfilePart> parts;
    for (const std::string& name : profiles)
        parts.push_back({name, shipped(name)});
    DenialStudy study(parts, {.arch = find_architecture("x86_64"), .kernel = {6, 12}});
    seccomp_data call{.nr = static_cast<int>(number), .arch = AUDIT_ARCH_X86_64};
    std::ranges::copy(arguments, std::begin(call.args));
    return study.explain(call, outcome);
}

TEST(Denial, NamesTheCapability) {
    const Denial mount = explain({"docker-default"}, SYS_mount);
    EXPECT_EQ(mount.name, "mount");
    EXPECT_EQ(mount.architecture, "x86_64");
    EXPECT_NE(mount.rule.find("docker-default: its default; syscalls["), std::string::npos);
    EXPECT_NE(mount.rule.find("needs CAP_SYS_ADMIN"), std::string::npos) << mount.rule;
    EXPECT_EQ(mount.allowed_by,
              "CAP_SYS_ADMIN, which no job has, or a profile with an entry for 'mount'");
}

TEST(Denial, NamesTheArgumentsThatWouldDo) {
    const Denial socket = explain({"docker-default"}, SYS_socket, {38});
    EXPECT_NE(socket.allowed_by.find("arguments with arg0 < 38 or arg0 == 39 or arg0 > 40"),
              std::string::npos)
        << socket.allowed_by;
}

TEST(Denial, OfTwoProfilesNamesTheOneThatDenies) {
    const Denial netlink = explain({"docker-default", "hardened"}, SYS_socket, {16});
    EXPECT_EQ(netlink.rule.find("docker-default"), std::string::npos) << netlink.rule;
    EXPECT_NE(netlink.rule.find("hardened: syscalls["), std::string::npos) << netlink.rule;
    EXPECT_NE(netlink.allowed_by.find("arguments without arg0 > 10"), std::string::npos)
        << netlink.allowed_by;
}

TEST(Denial, OfTwoProfilesThatDenyNamesBoth) {
    const Denial algorithm = explain({"docker-default", "hardened"}, SYS_socket, {38});
    EXPECT_NE(algorithm.rule.find("docker-default: "), std::string::npos) << algorithm.rule;
    EXPECT_NE(algorithm.rule.find("hardened: "), std::string::npos) << algorithm.rule;
    EXPECT_NE(algorithm.allowed_by.find("; and hardened: "), std::string::npos);
}

TEST(Denial, SaysWhatIsNewerThanTheProfile) {
    const Denial unknown = explain({"docker-default"}, 1000, {}, denied(ENOSYS));
    EXPECT_EQ(unknown.name, "call 1000");
    EXPECT_EQ(unknown.rule, "docker-default: newer than every call it names");
}

TEST(Denial, TellsArchitecturesApart) {
    seccomp_data call{.nr = 21, .arch = AUDIT_ARCH_I386};
    EXPECT_STREQ(architecture_of(call)->short_name, "x86");
    call = {.nr = 165 | static_cast<int>(kX32Bit), .arch = AUDIT_ARCH_X86_64};
    EXPECT_STREQ(architecture_of(call)->short_name, "x32");
    call.nr = 165;
    EXPECT_STREQ(architecture_of(call)->short_name, "x86_64");
    call.arch = 12345;
    EXPECT_EQ(architecture_of(call), nullptr);
}

}  // namespace
}  // namespace vitrine::seccomp
