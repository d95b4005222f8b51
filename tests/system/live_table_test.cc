// Every system call for real: what the kernel lets happen under our filter is what the table says.
#include <gtest/gtest.h>
#include <sys/syscall.h>

#include <cerrno>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/error.h"
#include "base/file.h"
#include "seccomp/fate.h"
#include "seccomp/filter.h"
#include "support/scratch.h"
#include "support/vitrine_program.h"

namespace vitrine::test {
namespace {

/// No call of any kernel answers with these: a denial is ours, by the default or by a rule.
constexpr unsigned kByDefault = 3999;
constexpr unsigned kByRule = 3998;
constexpr std::uint32_t kLast = 470;

/// The built-in profile with its errnos replaced.
seccomp::ProfilePart marked(const std::string& name) {
    auto profile = nlohmann::json::parse(
        read_file(concat(VITRINE_SOURCE_ROOT "/profiles/", name, ".json"), std::size_t{1} << 20));
    if (profile["defaultAction"] == "SCMP_ACT_ERRNO") profile["defaultErrnoRet"] = kByDefault;
    for (auto& rule : profile["syscalls"]) {
        if (rule["action"] == "SCMP_ACT_ERRNO") rule["errnoRet"] = kByRule;
    }
    return {name, profile.dump()};
}

std::string bytes_of(const seccomp::Program& program) {
    return {reinterpret_cast<const char*>(program.data()), program.size() * sizeof(sock_filter)};
}

/// What came of each call: `errno 14`, `waits`…
std::map<std::uint32_t, std::string> make_every_call(const seccomp::Program& program) {
    const Scratch scratch;
    const std::string filter = scratch.write("filter.bpf", bytes_of(program));
    const Answer answer = run_program(
        VITRINE_EVERY_CALL,
        {.arguments = {filter, std::to_string(kLast)}, .patience = std::chrono::seconds(120)});
    EXPECT_EQ(answer.exit_code, 0) << answer.err;
    std::map<std::uint32_t, std::string> outcomes;
    std::istringstream lines(answer.out);
    std::uint32_t number = 0;
    for (std::string outcome; lines >> number && std::getline(lines >> std::ws, outcome);)
        outcomes[number] = outcome;
    return outcomes;
}

/// Since Linux 6.14 no filter is asked about these two: they work from the kernel's own trampoline
/// alone, and elsewhere end the process or fail.
bool is_never_asked(std::uint32_t number, const std::string& outcome) {
    constexpr std::uint32_t kUretprobe = 335;
    constexpr std::uint32_t kUprobe = 336;
    return (number == kUretprobe && outcome == "signal 4") ||
           (number == kUprobe && outcome == concat("errno ", ENXIO));
}

bool is_ours(const std::string& outcome) {
    return outcome == concat("errno ", kByDefault) || outcome == concat("errno ", kByRule) ||
           outcome == "signal 31" || outcome == "unfiltered";
}

void expect_table(const std::vector<seccomp::ProfilePart>& parts) {
    const seccomp::HostFacts host = seccomp::host_facts();
    const std::vector<seccomp::Study> studies = seccomp::study(parts, host);
    const seccomp::Filter filter = seccomp::compile_filter(parts, host);
    ASSERT_EQ(filter.programs.size(), 1U) << filter.warning;
    const auto outcomes = make_every_call(filter.programs.front());
    ASSERT_EQ(outcomes.size(), kLast + 1);
    std::size_t denied = 0;
    for (const auto& [number, outcome] : outcomes) {
        const seccomp::NamedCall call = seccomp::find_call(std::to_string(number), *host.arch);
        const std::uint32_t expected = seccomp::decide(studies, call, {});
        SCOPED_TRACE(concat(number, " ", call.name, ": ", outcome));
        if (expected == SECCOMP_RET_ALLOW) {
            EXPECT_FALSE(is_ours(outcome));
            continue;
        }
        ++denied;
        if (is_never_asked(number, outcome)) continue;
        EXPECT_EQ(outcome, concat("errno ", expected & SECCOMP_RET_DATA));
    }
    EXPECT_GT(denied, 50U);
}

TEST(LiveTable, DockerDefaultIsWhatTheKernelDoes) {
    expect_table({marked("docker-default")});
}

TEST(LiveTable, TheDefaultIsWhatTheKernelDoes) {
    expect_table({marked("docker-default"), marked("hardened")});
}

TEST(LiveTable, PythonStrictIsWhatTheKernelDoes) {
    expect_table({marked("python-strict")});
}

/// The control: without our denials the same calls reach the kernel, and the program sees all the
/// ways a call can go.
TEST(LiveTable, WithoutRulesEveryCallReachesTheKernel) {
    const auto outcomes = make_every_call({BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)});
    ASSERT_EQ(outcomes.size(), kLast + 1);
    for (const auto& [number, outcome] : outcomes)
        EXPECT_FALSE(is_ours(outcome)) << number << ": " << outcome;
    EXPECT_EQ(outcomes.at(SYS_getpid), "errno 0");
    EXPECT_EQ(outcomes.at(SYS_pause), "waits");
    EXPECT_EQ(outcomes.at(SYS_exit), "ends");
    EXPECT_EQ(outcomes.at(SYS_rt_sigreturn), "signal 11");
    EXPECT_EQ(outcomes.at(SYS_reboot), concat("errno ", EPERM));
}

}  // namespace
}  // namespace vitrine::test
