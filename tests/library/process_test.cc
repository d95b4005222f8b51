// A Runtime in a process that has a life of its own, and what can die under it.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <stdexcept>
#include <thread>

#include "base/fd.h"
#include "library_jobs.h"
#include "support/running_job.h"
#include "support/scratch.h"
#include "support/vitrine_program.h"

namespace vitrine::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

/// A signal's disposition, put back at its end.
class Disposition {
  public:
    Disposition(int signal, void (*handler)(int)) : signal_(signal) {
        struct sigaction action{};
        action.sa_handler = handler;
        action.sa_flags = SA_RESTART;
        ::sigaction(signal, &action, &before_);
    }
    ~Disposition() { ::sigaction(signal_, &before_, nullptr); }
    Disposition(const Disposition&) = delete;
    Disposition& operator=(const Disposition&) = delete;

  private:
    int signal_;
    struct sigaction before_{};
};

pid_t start_child(int exit_code) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(exit_code);
    return child;
}

// ── the program's children and descriptors ──

TEST(ThisProgram, HasNoOtherChildrenThanItsOwn) {
    Runtime runtime({.workers = 1});
    EXPECT_EQ(runtime.run(job_of("print(1)")).out.bytes, "1\n");
    ASSERT_EQ(supervisors_of(::getpid()).size(), 1U);
    const pid_t child = start_child(7);
    int status = 0;
    EXPECT_EQ(::waitpid(-1, &status, 0), child);
    EXPECT_EQ(WEXITSTATUS(status), 7);
    EXPECT_EQ(::waitpid(-1, &status, 0), -1);
    EXPECT_EQ(errno, ECHILD) << "somebody is there to be waited for";
    EXPECT_EQ(runtime.run(job_of("print(2)")).out.bytes, "2\n");
}

TEST(ThisProgram, MayIgnoreItsChildren) {
    const Disposition ignored(SIGCHLD, SIG_IGN);
    Runtime runtime({.workers = 2});
    std::vector<std::future<Result>> futures;
    for (int i = 0; i < 10; ++i)
        futures.push_back(runtime.submit(job_of("raise SystemExit(3)")));
    for (auto& future : futures) {
        const Result result = future.get();
        EXPECT_EQ(result.exit_code, 3) << described(result);
    }
}

TEST(ThisProgram, MayReapWhateverItFinds) {
    // Another thread that takes every child, as programs do that start many.
    std::atomic<bool> is_over = false;
    std::thread reaper([&] {
        while (!is_over) {
            if (::waitpid(-1, nullptr, WNOHANG) <= 0) std::this_thread::sleep_for(100us);
        }
    });
    for (int i = 0; i < 5; ++i)
        EXPECT_EQ(run(job_of("print(6 * 7)")).out.bytes, "42\n");
    is_over = true;
    reaper.join();
}

TEST(ThisProgram, MayHaveAMaskOfItsOwn) {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    const Result result = run(job_of("import signal; print(signal.pthread_sigmask(0, []))"));
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    EXPECT_EQ(result.out.bytes, "set()\n") << described(result);
}

std::set<std::string> targets_of_descriptors(pid_t pid) {
    std::set<std::string> targets;
    std::error_code ignored;
    const std::filesystem::path directory = "/proc/" + std::to_string(pid) + "/fd";
    for (const auto& entry : std::filesystem::directory_iterator(directory, ignored))
        targets.insert(std::filesystem::read_symlink(entry, ignored));
    return targets;
}

TEST(Descriptors, OfThisProgramAreNotTheSupervisors) {
    const Scratch scratch;
    const std::string secret = scratch.write("secret", "");
    // Without O_CLOEXEC, and not where the supervisor's own are.
    const UniqueFd left_open(::fcntl(open_file(secret, O_RDONLY).get(), F_DUPFD, 50));
    ASSERT_TRUE(targets_of_descriptors(::getpid()).contains(secret)) << "the control";
    Runtime runtime({.workers = 1});
    (void)runtime.run(job_of("pass"));
    const auto supervisors = supervisors_of(::getpid());
    ASSERT_EQ(supervisors.size(), 1U);
    const auto targets = targets_of_descriptors(supervisors[0]);
    EXPECT_TRUE(targets.contains("/dev/null")) << "the control: nothing was seen";
    EXPECT_FALSE(targets.contains(secret));
}

TEST(Descriptors, OfTheRuntimeAreNotForTheProgramsChildren) {
    const auto before = targets_of_descriptors(::getpid());
    Runtime runtime({.workers = 1});
    (void)runtime.run(job_of("pass"));
    std::set<std::string> sockets;
    for (const std::string& target : targets_of_descriptors(::getpid())) {
        if (!before.contains(target)) sockets.insert(target);
    }
    EXPECT_FALSE(sockets.empty()) << "the control: it has none at all";
    const Answer answer = run_program(
        "/bin/sh", {.arguments = {"-c", "ls -l /proc/$$/fd"}, .input = {}, .environment = {}});
    EXPECT_THAT(answer.out, HasSubstr("pipe:"));
    for (const std::string& socket : sockets)
        EXPECT_EQ(answer.out.find("-> " + socket), std::string::npos) << socket;
}

TEST(Descriptors, AreAllClosedInTheEnd) {
    (void)run(job_of("pass"));
    const auto count = [] {
        const std::filesystem::directory_iterator all("/proc/self/fd");
        return std::distance(begin(all), end(all));
    };
    const auto before = count();
    for (int i = 0; i < 3; ++i)
        (void)run(job_of("pass"));
    EXPECT_EQ(count(), before);
}

// ── ends ──

class AnEnd : public testing::Test {
  protected:
    void SetUp() override {
        ASSERT_EQ(::chmod(scratch_.path().c_str(), 0777), 0);
        // Whoever writes to a supervisor that is gone must not be told by signal.
        ::signal(SIGPIPE, SIG_DFL);
    }

    /// Sleeps after it has left a sign.
    Job sleeper(const std::string& sign, const std::string& seconds = "60") {
        Job job = job_of(
            "open('/signs/" + sign + "', 'w').close()\nimport time; time.sleep(" + seconds + ")",
            sign);
        job.limits.timeout = 60s;
        job.binds = {{.source = scratch_.path(), .destination = "/signs", .is_writable = true}};
        return job;
    }
    std::string sign(const std::string& name) const { return scratch_.path() + "/" + name; }

    static pid_t supervisor() {
        const auto all = supervisors_of(::getpid());
        EXPECT_EQ(all.size(), 1U);
        return all.empty() ? -1 : all[0];
    }

    Scratch scratch_;
};

TEST_F(AnEnd, OfTheSupervisorIsToldToItsJobsAndNotToOthers) {
    Runtime runtime({.workers = 1});
    std::vector<std::future<Result>> given;
    std::vector<std::future<Result>> others;
    for (int i = 0; i < 4; ++i)
        given.push_back(runtime.submit(sleeper(std::to_string(i))));
    for (int i = 0; i < 20; ++i)
        others.push_back(runtime.submit(job_of("print('after')")));
    ASSERT_TRUE(appears(sign("0")));
    const pid_t first = supervisor();
    ASSERT_GT(first, 0);
    ::kill(first, SIGKILL);
    for (auto& future : given) {
        const Result result = future.get();
        ASSERT_TRUE(result.error) << described(result);
        EXPECT_EQ(result.error->step, "supervisor");
        EXPECT_THAT(result.error->hint, HasSubstr("may have run"));
    }
    for (auto& future : others) {
        const Result result = future.get();
        EXPECT_EQ(result.out.bytes, "after\n") << described(result);
    }
    EXPECT_NE(supervisor(), first);
}

TEST_F(AnEnd, OfTheSupervisorBetweenJobsIsNotNoticed) {
    Runtime runtime({.workers = 1});
    for (int i = 0; i < 5; ++i) {
        const Result result = runtime.run(job_of("print('ran')"));
        EXPECT_EQ(result.out.bytes, "ran\n") << described(result);
        const pid_t pid = supervisor();
        ::kill(pid, SIGKILL);
        EXPECT_TRUE(vanishes(pid));
        std::this_thread::sleep_for(50ms);
    }
}

TEST_F(AnEnd, ThatIsAskedOfTheSupervisorIsAnInterruption) {
    Runtime runtime({.workers = 1});
    auto running = runtime.submit(sleeper("0"));
    ASSERT_TRUE(appears(sign("0")));
    const pid_t pid = supervisor();
    ::kill(pid, SIGTERM);
    const Result result = running.get();
    ASSERT_TRUE(result.error);
    EXPECT_EQ(result.error->step, "interrupted");
    EXPECT_TRUE(vanishes(pid));
    EXPECT_EQ(runtime.run(job_of("print('ran')")).out.bytes, "ran\n");
}

TEST_F(AnEnd, OfARuntimeWhoseSupervisorHangsComesAllTheSame) {
    std::future<Result> running;
    pid_t pid = -1;
    const auto start = std::chrono::steady_clock::now();
    {
        Runtime runtime({.workers = 1});
        running = runtime.submit(sleeper("0"));
        ASSERT_TRUE(appears(sign("0")));
        pid = supervisor();
        ::kill(pid, SIGSTOP);
    }
    EXPECT_LT(std::chrono::steady_clock::now() - start, 25s);
    EXPECT_TRUE(vanishes(pid));
    const Result result = running.get();
    ASSERT_TRUE(result.error);
    EXPECT_THAT(result.error->message, HasSubstr("does not answer"));
}

TEST_F(AnEnd, OfARuntimeLeavesNoProcess) {
    pid_t pid = -1;
    {
        Runtime runtime({.workers = 1});
        auto running = runtime.submit(sleeper("0"));
        ASSERT_TRUE(appears(sign("0")));
        pid = supervisor();
    }
    EXPECT_TRUE(vanishes(pid));
}

/// A program with a job that runs, and with a copy of itself, which has every descriptor of its.
pid_t start_program(const std::function<Job()>& make_job, pid_t& copy) {
    Pipe told = make_pipe();
    const pid_t program = ::fork();
    if (program == 0) {
        Runtime runtime({.workers = 1});
        auto running = runtime.submit(make_job());
        (void)supervisors_of(::getpid());
        pid_t child = ::fork();
        if (child == 0) {
            while (true)
                ::pause();
        }
        write_all(told.write_end.get(), std::as_bytes(std::span(&child, 1)));
        running.wait();
        ::_exit(0);
    }
    EXPECT_EQ(::read(told.read_end.get(), &copy, sizeof copy), ssize_t{sizeof copy});
    return program;
}

TEST_F(AnEnd, OfTheProgramIsTheEndOfEverything) {
    pid_t copy = -1;
    const pid_t program = start_program([this] { return sleeper("0", "1000"); }, copy);
    ASSERT_TRUE(appears(sign("0")));
    const auto supervisors = supervisors_of(program);
    ASSERT_EQ(supervisors.size(), 1U);
    const std::vector<pid_t> zygotes = [&] {
        std::vector<pid_t> children;
        std::ifstream list("/proc/" + std::to_string(supervisors[0]) + "/task/" +
                           std::to_string(supervisors[0]) + "/children");
        for (pid_t child = 0; list >> child;)
            children.push_back(child);
        return children;
    }();
    EXPECT_GE(zygotes.size(), 3U) << "the control: no job runs";
    ::kill(program, SIGKILL);
    ::waitpid(program, nullptr, 0);
    EXPECT_TRUE(vanishes(supervisors[0])) << "the copy of the program keeps it";
    for (const pid_t zygote : zygotes)
        EXPECT_TRUE(vanishes(zygote));
    ::kill(copy, SIGKILL);
}

TEST_F(AnEnd, OfAForkedChildLeavesTheRuntimeToItsParent) {
    Runtime runtime({.workers = 1});
    auto running = runtime.submit(sleeper("0", "1"));
    ASSERT_TRUE(appears(sign("0")));
    const pid_t child = ::fork();
    if (child == 0) {
        int refusals = 0;
        try {
            (void)runtime.run(job_of("pass"));
        } catch (const std::runtime_error&) {
            ++refusals;
        }
        try {
            runtime.interrupt();
        } catch (const std::runtime_error&) {
            ++refusals;
        }
        runtime.~Runtime();
        ::_exit(refusals);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(WEXITSTATUS(status), 2);
    EXPECT_EQ(running.get().exit_code, 0);
    EXPECT_EQ(runtime.run(job_of("print('ran')")).out.bytes, "ran\n");
}

// ── executables that are no supervisor ──

class AnotherProgram : public testing::Test {
  protected:
    Result run_by(const std::string& script) const {
        const std::string path = scratch_.write("program", "#!/bin/sh\n" + script + "\n");
        EXPECT_EQ(::chmod(path.c_str(), 0755), 0);
        Runtime runtime({.workers = 1, .program = path});
        auto first = runtime.submit(job_of("print('ran')"));
        // None of them is forgotten, however often it is tried.
        for (int i = 0; i < 20; ++i)
            runtime.submit(job_of("pass"), [this](const Result&) { ++answers_; });
        Result result = first.get();
        runtime.wait();
        EXPECT_EQ(answers_, 20);
        return result;
    }

    Scratch scratch_;
    mutable int answers_ = 0;
};

TEST_F(AnotherProgram, ThatIsAWrapperDoes) {
    const Result result = run_by("exec " + vitrine_path() + " \"$@\"");
    EXPECT_EQ(result.out.bytes, "ran\n") << described(result);
}

TEST_F(AnotherProgram, ThatEndsAtOnceIsNotTriedForever) {
    const Result result = run_by("echo \"$@\" >>" + scratch_.path() + "/calls; exit 3");
    ASSERT_TRUE(result.error);
    EXPECT_EQ(result.error->step, "supervisor");
    EXPECT_THAT(result.error->message, HasSubstr("ended"));
    std::ifstream calls(scratch_.path() + "/calls");
    int count = 0;
    for (std::string line; std::getline(calls, line);)
        ++count;
    EXPECT_GE(count, 1);
    EXPECT_LE(count, 8);
}

TEST_F(AnotherProgram, ThatSaysNonsenseIsLeft) {
    const Result result = run_by("printf 'HTTP/1.1 400 Bad Request' >&3; sleep 1");
    ASSERT_TRUE(result.error);
    EXPECT_EQ(result.error->step, "supervisor");
}

TEST_F(AnotherProgram, OfAnotherBuildIsRefusedWithTheReason) {
    const Result result = run_by("exec " + vitrine_path() + " supervise other-build \"$3\"");
    ASSERT_TRUE(result.error);
    EXPECT_THAT(result.error->message, HasSubstr("another build"));
    EXPECT_THAT(result.error->hint, HasSubstr("restart"));
}

TEST(TheHiddenVerb, IsNotForPeople) {
    const Answer answer = run_vitrine({.arguments = {"supervise"}, .input = {}, .environment = {}});
    EXPECT_EQ(answer.exit_code, 125);
    EXPECT_THAT(answer.err, HasSubstr("libvitrine"));
    EXPECT_THAT(answer.err, HasSubstr("hint:"));
    EXPECT_EQ(run_vitrine({.arguments = {"supervise", "--help"}, .input = {}, .environment = {}})
                  .exit_code,
              0);
}

}  // namespace
}  // namespace vitrine::test
