// What compiled filters decide, worked out by interpreting them.
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "kernel/seccomp.h"
#include "seccomp/bpf_machine.h"
#include "seccomp/compile.h"
#include "seccomp/filter.h"
#include "support/scratch.h"

namespace vitrine::seccomp {
namespace {

constexpr std::size_t kMaxProfile = std::size_t{1} << 20;
constexpr std::uint32_t kAllow = SECCOMP_RET_ALLOW;
constexpr std::uint32_t denied(std::uint32_t number) {
    return SECCOMP_RET_ERRNO | number;
}

std::string default_json() {
    return read_file(VITRINE_SOURCE_ROOT "/profiles/docker-default.json", kMaxProfile);
}

const Filter& docker_default() {
    static const Filter filter = compile_filter("docker-default", default_json());
    return filter;
}

std::uint32_t decide(const Filter& filter, int number, std::array<std::uint64_t, 6> arguments = {},
                     std::uint32_t arch = AUDIT_ARCH_X86_64) {
    seccomp_data call{.nr = number, .arch = arch, .instruction_pointer = 0, .args = {}};
    std::ranges::copy(arguments, call.args);
    return run_filter(filter.programs.front(), call);
}

struct Decision {
    const char* what;
    int number;
    std::array<std::uint64_t, 6> arguments;
    std::uint32_t expected;
};

TEST(DockerDefault, DecidesAsWorkedOutByHand) {
    const std::vector<Decision> table{
        {"execve", SYS_execve, {}, kAllow},
        {"read", SYS_read, {}, kAllow},
        {"socket AF_UNIX", SYS_socket, {1}, kAllow},
        {"socket AF_INET", SYS_socket, {2}, kAllow},
        {"socket AF_ALG", SYS_socket, {38}, denied(EPERM)},
        {"socket AF_NFC", SYS_socket, {39}, kAllow},
        {"socket AF_VSOCK", SYS_socket, {40}, denied(EPERM)},
        {"socket AF_KCM", SYS_socket, {41}, kAllow},
        {"socket 64 bits", SYS_socket, {(std::uint64_t{1} << 32) | 38}, kAllow},
        {"mount", SYS_mount, {}, denied(EPERM)},
        {"unshare", SYS_unshare, {}, denied(EPERM)},
        {"setns", SYS_setns, {}, denied(EPERM)},
        {"bpf", SYS_bpf, {}, denied(EPERM)},
        {"keyctl", SYS_keyctl, {}, denied(EPERM)},
        {"clone3", SYS_clone3, {}, denied(ENOSYS)},
        {"clone thread", SYS_clone, {0x3d0f00}, kAllow},
        {"clone NEWUSER", SYS_clone, {0x10000000}, denied(EPERM)},
        {"clone NEWNS", SYS_clone, {0x00020000}, denied(EPERM)},
        {"clone NEWNET high", SYS_clone, {0xffffffff40000000}, denied(EPERM)},
        {"personality 0", SYS_personality, {0}, kAllow},
        {"personality query", SYS_personality, {0xffffffff}, kAllow},
        {"personality other", SYS_personality, {1}, denied(EPERM)},
        {"ptrace", SYS_ptrace, {}, kAllow},
        {"mseal, new to libseccomp", 462, {}, kAllow},
        {"a call of the future", 5000, {}, denied(ENOSYS)},
        {"the newest it knows", 466, {}, kAllow},
        {"newer than that", 467, {}, denied(ENOSYS)},
        {"a call that is none", 400, {}, denied(EPERM)},
    };
    for (const Decision& row : table) {
        EXPECT_EQ(decide(docker_default(), row.number, row.arguments), row.expected) << row.what;
    }
}

TEST(DockerDefault, KillsWhatIsNotNative) {
    EXPECT_EQ(decide(docker_default(), SYS_read, {}, AUDIT_ARCH_I386), SECCOMP_RET_KILL_PROCESS);
    EXPECT_EQ(decide(docker_default(), SYS_read, {}, AUDIT_ARCH_AARCH64), SECCOMP_RET_KILL_PROCESS);
    constexpr int kX32Bit = 0x40000000;
    EXPECT_EQ(decide(docker_default(), kX32Bit | SYS_read), SECCOMP_RET_KILL_PROCESS);
}

TEST(DockerDefault, KnowsEveryNameThatExistsHere) {
    // Names of other architectures and of 32-bit systems stay out; nothing of ours may.
    const std::set<std::string> skipped(docker_default().skipped.begin(),
                                        docker_default().skipped.end());
    for (const char* own : {"read", "openat2", "mseal", "statmount", "landlock_add_rule"}) {
        EXPECT_FALSE(skipped.contains(own)) << own;
    }
    EXPECT_TRUE(skipped.contains("riscv_hwprobe"));
}

/// The values around every constant a profile compares with.
std::set<std::uint64_t> interesting_values(const Profile& profile) {
    std::set<std::uint64_t> values{0, 1, ~std::uint64_t{0}};
    for (const Rule& rule : profile.rules) {
        for (const Condition& condition : rule.conditions) {
            for (const std::uint64_t value : {condition.value, condition.value_two}) {
                for (const std::uint64_t near : {value - 1, value, value + 1, ~value}) {
                    values.insert({near, near | std::uint64_t{1} << 32, near & 0xffffffff});
                }
            }
        }
    }
    for (int bit = 0; bit < 64; ++bit)
        values.insert(std::uint64_t{1} << bit);
    return values;
}

std::string shared_file(const char* name) {
    const char* shared = ::getenv("VITRINE_SHARED");  // NOLINT(concurrency-mt-unsafe)
    return concat(shared != nullptr ? shared : VITRINE_SOURCE_ROOT "/../shared", "/seccomp/", name);
}

TEST(DockerDefault, DecidesAsMobysProfileDoes) {
    const std::string path = shared_file("moby-default-2026-06.json");
    if (!std::filesystem::exists(path)) GTEST_SKIP() << "not run: no " << path;
    const std::string moby_json = read_file(path, kMaxProfile);
    const Profile moby = parse_profile(moby_json);
    const Profile own = parse_profile(default_json());
    for (const char* arch : {"amd64", "arm64", "s390x", "riscv64"}) {
        for (const KernelVersion kernel : {KernelVersion{4, 4}, {4, 8}, {6, 18}}) {
            auto sorted = [&](const Profile& profile) {
                auto rules =
                    resolve(profile, {.arch = find_architecture(arch), .kernel = kernel}).rules;
                std::ranges::sort(rules, {}, [](const ResolvedRule& rule) {
                    std::string key = rule.name;
                    for (const Condition& condition : rule.conditions) {
                        key += concat(" ", condition.index, " ", condition.value);
                    }
                    return key;
                });
                return rules;
            };
            EXPECT_EQ(sorted(moby), sorted(own)) << arch;
        }
    }
    const Filter moby_filter = compile_filter("moby", moby_json);
    for (int number = -1; number < 600; ++number) {
        ASSERT_EQ(decide(docker_default(), number), decide(moby_filter, number)) << number;
        for (const std::uint64_t value : interesting_values(moby)) {
            for (std::size_t index = 0; index < 2; ++index) {
                std::array<std::uint64_t, 6> arguments{};
                arguments.at(index) = value;
                ASSERT_EQ(decide(docker_default(), number, arguments),
                          decide(moby_filter, number, arguments))
                    << number << " " << index << " " << value;
            }
        }
    }
}

TEST(DockerDefault, EveryMobyProfileOfTheLastYearsIsRead) {
    for (const char* name : {"moby-default-2021-seed.json", "moby-old-format.json"}) {
        if (!std::filesystem::exists(shared_file(name))) GTEST_SKIP() << "not run: no " << name;
        EXPECT_GT(
            compile_filter(name, read_file(shared_file(name), kMaxProfile)).programs.front().size(),
            50U);
    }
}

TEST(Compile, TwoConditionsOnOneArgumentAreAlternatives) {
    const Filter filter = compile_filter("x", R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
        {"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": [
            {"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}, {"index": 0, "value": 2, "op": "SCMP_CMP_EQ"}]},
        {"names": ["write"], "action": "SCMP_ACT_ALLOW", "args": [
            {"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}, {"index": 1, "value": 2, "op": "SCMP_CMP_EQ"}]}]})");
    EXPECT_EQ(decide(filter, SYS_read, {1}), kAllow);
    EXPECT_EQ(decide(filter, SYS_read, {2}), kAllow);
    EXPECT_EQ(decide(filter, SYS_read, {3}), denied(EPERM));
    EXPECT_EQ(decide(filter, SYS_write, {1, 2}), kAllow);
    EXPECT_EQ(decide(filter, SYS_write, {1, 3}), denied(EPERM));
}

TEST(Compile, AProfileWithoutRulesIsItsDefault) {
    const Filter filter = compile_filter("x", R"({"defaultAction": "SCMP_ACT_ALLOW"})");
    EXPECT_EQ(decide(filter, SYS_mount), kAllow);
}

/// The interpreter and the kernel agree: the filter installed for real.
TEST(DockerDefault, HoldsWhenInstalled) {
    const Program program = docker_default().programs.front();
    const pid_t child = ::fork();
    if (child == 0) {
        ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        kernel::install_filter(program);
        const bool allows = ::getppid() > 0;
        const bool denies =
            ::syscall(SYS_mount, nullptr, nullptr, nullptr, 0, nullptr) < 0 && errno == EPERM;
        ::_exit(allows && denies ? 42 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 42);
}

TEST(DockerDefault, AForeignCallEndsTheProcess) {
    const Program program = docker_default().programs.front();
    const pid_t child = ::fork();
    if (child == 0) {
        ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        kernel::install_filter(program);
        constexpr long kX32Getpid = 0x40000000 + SYS_getpid;
        ::syscall(kX32Getpid);
        ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS) << status;
}

TEST(BpfMachine, RefusesWhatTheKernelWould) {
    const seccomp_data call{};
    const auto run = [&](std::vector<sock_filter> program) { return run_filter(program, call); };
    EXPECT_THROW(run({}), Error);
    EXPECT_THROW(run({BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 64)}), Error);
    EXPECT_THROW(run({BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 2)}), Error);
    EXPECT_THROW(run({BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 0)}), Error);
    EXPECT_THROW(run({BPF_JUMP(BPF_JMP | BPF_JA, 7, 0, 0)}), Error);
    EXPECT_EQ(run({BPF_STMT(BPF_LD | BPF_IMM, 5), BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 2),
                   BPF_STMT(BPF_RET | BPF_A, 0)}),
              7U);
}

}  // namespace
}  // namespace vitrine::seccomp
