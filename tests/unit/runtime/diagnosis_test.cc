// The cases that no host of ours can show; the others are made real in tests/system/doctor_test.cc.
#include "runtime/diagnosis.h"

#include <gtest/gtest.h>

namespace vitrine::runtime {
namespace {

using sandbox::Failure;
using sandbox::Step;

/// RECORDED, not real: /proc of an Ubuntu 24.04 as its documentation describes it. The kernels of
/// the test machines have no AppArmor.
HostFacts recorded_ubuntu() {
    HostFacts facts = read_host_facts(VITRINE_SOURCE_ROOT "/tests/data/hosts/ubuntu-24.04");
    facts.uid = 1000;
    facts.program = "/usr/bin/vitrine";
    return facts;
}

TEST(Diagnosis, OfARecordedUbuntuIsAppArmorWithTheProfileToInstall) {
    const HostFacts facts = recorded_ubuntu();
    EXPECT_EQ(facts.kernel, "6.8.0-45-generic");
    for (const Step step : {Step::kTakeIdentity, Step::kMapIds, Step::kNamespaces, Step::kBuildRoot,
                            Step::kMountRoot}) {
        const auto advice = diagnose(
            {.step = step, .error_number = EPERM, .call = "any", .message = {}, .hint = {}}, facts);
        ASSERT_TRUE(advice.has_value());
        EXPECT_EQ(advice->cause, Cause::kAppArmorRestriction) << sandbox::step_name(step);
        EXPECT_NE(advice->file.find("profile vitrine \"/usr/bin/vitrine\" flags=(unconfined)"),
                  std::string::npos)
            << advice->file;
        EXPECT_NE(advice->file.find("userns,"), std::string::npos);
    }
}

TEST(Diagnosis, OfTheSameHostIsAnotherForOtherErrorsAndUnderAProfile) {
    HostFacts facts = recorded_ubuntu();
    const Failure full{.step = Step::kStartZygote,
                       .error_number = ENOSPC,
                       .call = "clone3",
                       .message = {},
                       .hint = {}};
    EXPECT_EQ(diagnose(full, facts)->cause, Cause::kUserNamespaceLimit);
    facts.apparmor_profile = "vitrine";  // As once the profile is installed.
    const Failure refused{.step = Step::kBuildRoot,
                          .error_number = EPERM,
                          .call = "mount",
                          .message = {},
                          .hint = {}};
    EXPECT_EQ(diagnose(refused, facts)->cause, Cause::kMountRefused);
}

/// RECORDED: the file of a container whose profile is Docker's.
TEST(Diagnosis, NamesTheAppArmorProfileAroundAContainer) {
    HostFacts facts;
    facts.apparmor_profile = "docker-default";
    const auto advice = diagnose({.step = Step::kBuildRoot,
                                  .error_number = EACCES,
                                  .call = "mount",
                                  .message = {},
                                  .hint = {}},
                                 facts);
    EXPECT_EQ(advice->cause, Cause::kAppArmorProfile);
    EXPECT_NE(advice->message.find("docker-default"), std::string::npos);
}

TEST(Diagnosis, TellsAnOldKernelFromAFilterAround) {
    HostFacts facts;
    facts.kernel = "5.4.0";
    facts.refused_calls = {{"mount_setattr", ENOSYS}};
    const Failure failure{.step = Step::kBuildRoot,
                          .error_number = ENOSYS,
                          .call = "mount_setattr",
                          .message = {},
                          .hint = {}};
    EXPECT_EQ(diagnose(failure, facts)->message, "this kernel (5.4.0) has no mount_setattr");
    facts.has_outer_filter = true;
    EXPECT_EQ(diagnose(failure, facts)->cause, Cause::kOuterSeccomp);
}

/// What the loader says of a libpython from a newer distribution.
TEST(Diagnosis, FindsTheLibcThatALibraryWants) {
    HostFacts facts;
    facts.libc = "2.36";
    const Failure failure{.step = Step::kStartInterpreter,
                          .message =
                              "loading libpython: /lib/x86_64-linux-gnu/libc.so.6: version "
                              "`GLIBC_2.38' not found (required by /usr/lib/libpython3.12.so)",
                          .hint = {}};
    const auto advice = diagnose(failure, facts);
    ASSERT_TRUE(advice.has_value());
    EXPECT_EQ(advice->message,
              "this host's C library (2.36) is older than the rootfs needs: "
              "version `GLIBC_2.38' not found");
}

}  // namespace
}  // namespace vitrine::runtime
