// When a tracer has a process for good, and where its trace goes.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <thread>

#include "base/fd.h"
#include "runtime/trace_files.h"
#include "runtime/tracee.h"

namespace vitrine::runtime {
namespace {

using namespace std::chrono_literals;

/// A child that waits for a byte, as a payload at its gate.
class Waiting {
  public:
    Waiting() : gate_(make_pipe()), pid_(::fork()) {
        if (pid_ != 0) return;
        std::array<char, 1> byte{};
        ::_exit(::read(gate_.read_end.get(), byte.data(), byte.size()) == 1 ? 0 : 1);
    }
    ~Waiting() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;

    pid_t pid() const { return pid_; }

  private:
    Pipe gate_;
    pid_t pid_;
};

/// Looks until `condition` holds, or a second is over.
template <typename Condition>
bool comes(Tracee& tracee, Condition condition) {
    for (int i = 0; i < 1000; ++i) {
        tracee.look();
        if (condition(tracee)) return true;
        std::this_thread::sleep_for(1ms);
    }
    return false;
}

constexpr auto kIsSettled = [](const Tracee& tracee) { return tracee.is_settled(); };
constexpr auto kWasStopped = [](const Tracee& tracee) { return tracee.was_stopped(); };

TEST(Tracee, IsNotFollowedByBeingSeizedAlone) {
    const Waiting child;
    Tracee tracee(child.pid());
    ASSERT_TRUE(comes(tracee, kIsSettled));
    EXPECT_EQ(tracee.tracer(), 0);
    ASSERT_EQ(::ptrace(PTRACE_SEIZE, child.pid(), nullptr, nullptr), 0);
    for (int i = 0; i < 50; ++i) {
        tracee.look();
        EXPECT_EQ(tracee.tracer(), ::getpid());
        EXPECT_FALSE(tracee.was_stopped());
        std::this_thread::sleep_for(1ms);
    }
}

TEST(Tracee, IsFollowedOnceItWasStoppedAndGoesOn) {
    const Waiting child;
    Tracee tracee(child.pid());
    ASSERT_TRUE(comes(tracee, kIsSettled));
    ASSERT_EQ(::ptrace(PTRACE_SEIZE, child.pid(), nullptr, nullptr), 0);
    ASSERT_EQ(::ptrace(PTRACE_INTERRUPT, child.pid(), nullptr, nullptr), 0);
    ASSERT_EQ(::waitpid(child.pid(), nullptr, 0), child.pid());
    for (int i = 0; i < 50; ++i) {
        tracee.look();
        EXPECT_FALSE(tracee.was_stopped());
        std::this_thread::sleep_for(1ms);
    }
    ASSERT_EQ(::ptrace(PTRACE_CONT, child.pid(), nullptr, nullptr), 0);
    EXPECT_TRUE(comes(tracee, kWasStopped));
}

TEST(Tracee, ThatIsGoneIsNeither) {
    pid_t gone = 0;
    {
        const Waiting child;
        gone = child.pid();
    }
    Tracee tracee(gone);
    tracee.look();
    EXPECT_FALSE(tracee.is_settled());
    EXPECT_EQ(tracee.tracer(), 0);
}

TEST(TraceFiles, HaveNamesThatLeadNowhereElse) {
    TraceFiles files("/traces");
    EXPECT_EQ(files.path_for("job-1_a.b"), "/traces/job-1_a.b.strace");
    EXPECT_EQ(files.path_for("../../etc/passwd"), "/traces/_._.._etc_passwd.strace");
    EXPECT_EQ(files.path_for(".hidden"), "/traces/_hidden.strace");
    EXPECT_EQ(files.path_for("a b\n\xc3\xa9"), "/traces/a_b___.strace");
    EXPECT_EQ(files.path_for(""), "/traces/job.strace");
    EXPECT_EQ(files.path_for(std::string(1000, 'x')).size(), 8 + 200 + 7);
}

TEST(TraceFiles, AreNeverTheSameForTwoJobs) {
    TraceFiles files("/traces");
    EXPECT_EQ(files.path_for("a"), "/traces/a.strace");
    EXPECT_EQ(files.path_for("a"), "/traces/a-2.strace");
    EXPECT_EQ(files.path_for("a-2"), "/traces/a-2-2.strace");
    EXPECT_EQ(files.path_for("a"), "/traces/a-3.strace");
    EXPECT_EQ(files.path_for("a-2"), "/traces/a-2-3.strace");
}

TEST(TraceFiles, AreNamedInNoTimeHoweverManyJobsShareAName) {
    TraceFiles files("/traces");
    const auto start = std::chrono::steady_clock::now();
    for (int i = 1; i < 20'000; ++i)
        (void)files.path_for("job");
    EXPECT_EQ(files.path_for("job"), "/traces/job-20000.strace");
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

}  // namespace
}  // namespace vitrine::runtime
