// What an engine promises, cold and warm.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include "engine_jobs.h"
#include "kernel/process.h"
#include "support/scratch.h"

namespace vitrine::test {
namespace {

using namespace std::chrono_literals;

class AnEngine : public testing::TestWithParam<Kind> {
  protected:
    std::unique_ptr<runtime::Engine> engine_ = runtime::make_engine(engine_options(GetParam(), 3));
};

INSTANTIATE_TEST_SUITE_P(Engines, AnEngine, testing::Values(Kind::kCold, Kind::kWarm),
                         [](const auto& kind) {
                             return kind.param == Kind::kCold ? "Cold" : "Warm";
                         });

TEST_P(AnEngine, AnswersEveryJobOnce) {
    std::vector<Job> jobs;
    for (int i = 0; i < 20; ++i) {
        jobs.push_back(job_of("print('" + std::to_string(i) + "')", std::to_string(i)));
    }
    const auto answers = run_all(*engine_, std::move(jobs));
    ASSERT_EQ(answers.size(), 20U);
    for (const auto& [id, reports] : answers) {
        ASSERT_EQ(reports.size(), 1U) << id;
        const Result& result = reports.front().result;
        EXPECT_EQ(result.status, Status::kExited) << (result.error ? result.error->message : "");
        EXPECT_EQ(result.out.bytes, id + "\n");
        EXPECT_EQ(result.warm, GetParam() == Kind::kWarm);
    }
}

TEST_P(AnEngine, RunsJobsAtTheSameTime) {
    std::vector<Job> jobs;
    for (int i = 0; i < 3; ++i)
        jobs.push_back(job_of("import time; time.sleep(1)", std::to_string(i)));
    const auto start = std::chrono::steady_clock::now();
    EXPECT_EQ(run_all(*engine_, std::move(jobs)).size(), 3U);
    EXPECT_LT(std::chrono::steady_clock::now() - start, 2500ms);
}

TEST_P(AnEngine, TellsHowEachJobEnded) {
    std::vector<Job> jobs{job_of("raise SystemExit(3)", "code"),
                          job_of("import os; os.kill(os.getpid(), 11)", "signal"),
                          job_of("while True: pass", "timeout"),
                          job_of("while True: print('x' * 100)", "flood"),
                          job_of("import sys; print(sys.stdin.read(), sys.argv)", "input"),
                          job_of("import os", "refused"),
                          job_of("pass", "nowhere")};
    jobs[2].limits.timeout = 200ms;
    jobs[3].limits.max_output_bytes = 10;
    jobs[3].limits.output_overflow = OutputOverflow::kKill;
    jobs[4].stdin_path = "/proc/sys/kernel/ostype";
    jobs[4].arguments = {"word"};
    jobs[5].policy = "strategy";
    jobs[6].rootfs = "/nowhere";
    auto answers = run_all(*engine_, std::move(jobs));
    const auto result = [&](const char* id) { return answers.at(id).at(0).result; };
    EXPECT_EQ(result("code").exit_code, 3);
    EXPECT_EQ(result("signal").signal, 11);
    EXPECT_EQ(result("timeout").status, Status::kTimeout);
    EXPECT_EQ(result("flood").status, Status::kOutputLimit);
    EXPECT_EQ(result("input").out.bytes, "Linux\n ['job.py', 'word']\n");
    EXPECT_EQ(result("refused").status, Status::kRejected);
    EXPECT_FALSE(result("refused").findings.empty());
    ASSERT_TRUE(result("nowhere").error);
    EXPECT_EQ(result("nowhere").error->step, "rootfs");
}

TEST_P(AnEngine, HasTheBuiltinsOfSiteUnderAPolicyToo) {
    for (const char* policy : {"off", "strategy"}) {
        Job job = job_of("exit(3)");
        job.policy = policy;
        EXPECT_EQ(run_one(*engine_, job).result.exit_code, 3) << policy;
    }
}

/// A rehearsal uses sum(), and a renewal of random states os.urandom().
TEST_P(AnEngine, StartsUnderAPolicyThatRefusesWhatItUsesItself) {
    const Scratch scratch;
    const std::string strict = scratch.write(
        "strict.json", R"({"extends": "algorithms", "refused_builtins": "sum range str print",
                           "modules": {"os": {"names": "sep", "disarmed": "urandom"}}})");
    auto options = engine_options(GetParam());
    if (GetParam() == Kind::kWarm) options.preload.modules = {"multiprocessing.process"};
    const auto engine = runtime::make_engine(options);
    for (int i = 0; i < 3; ++i) {
        Job job = job_of("x = 1 + 1");
        job.policy = strict;
        const Result result = run_one(*engine, job).result;
        EXPECT_EQ(result.exit_code, 0) << (result.error ? result.error->message : "");
    }
}

/// What a policy's programs are kept from, the libraries of its zygote are: those of another are
/// not.
TEST_P(AnEngine, DisarmsLibrariesForOnePolicyAlone) {
    const Scratch scratch;
    const std::string strict = scratch.write("strict.json", R"({"extends": "algorithms",
                           "modules": {"statistics": {"names": "mean", "disarmed": "mean"}}})");
    auto options = engine_options(GetParam());
    if (GetParam() == Kind::kWarm) options.preload.modules = {"statistics"};
    const auto engine = runtime::make_engine(options);
    for (int i = 0; i < 2; ++i) {
        for (const std::string& policy : {strict, std::string("algorithms"), std::string("off")}) {
            Job job = job_of("import statistics\nprint(statistics.mean([1, 3]))");
            job.policy = policy;
            const Result result = run_one(*engine, job).result;
            if (policy == strict) {
                EXPECT_THAT(result.err.bytes, testing::HasSubstr("PermissionError"));
            } else {
                EXPECT_EQ(result.out.bytes, "2\n") << policy << result.err.bytes;
            }
        }
    }
}

TEST_P(AnEngine, GivesEachJobItsOwnPolicyAndEnvironment) {
    for (int round = 0; round < 3; ++round) {
        for (const char* policy : {"strategy", "off", "algorithms"}) {
            Job job = job_of(policy == std::string_view("off")
                                 ? "import os; print(os.environ.get('SECRET', '-'))"
                                 : "import os");
            job.policy = policy;
            if (job.policy != "off") job.environment.emplace_back("SECRET", "kept");
            const Result result = run_one(*engine_, job).result;
            EXPECT_EQ(result.status, job.policy == "off" ? Status::kExited : Status::kRejected)
                << policy;
            if (job.policy == "off") {
                EXPECT_EQ(result.out.bytes, "-\n");
            }
            Job numbers = job_of("import numpy");
            numbers.policy = policy;
            const bool is_refused = job.policy == "algorithms";
            EXPECT_EQ(run_one(*engine_, numbers).result.status == Status::kRejected, is_refused)
                << policy;
        }
    }
}

TEST_P(AnEngine, EndsWhatRunsAndAnswersWhatWaitsWhenInterrupted) {
    std::map<std::string, int> exit_codes;
    for (int i = 0; i < 8; ++i) {
        engine_->submit(
            job_of("import time; print(1, flush=True); time.sleep(60)", std::to_string(i)),
            [&, i](const runtime::RunReport& report) {
                exit_codes[std::to_string(i)] = report.exit_code;
            });
    }
    const auto until = std::chrono::steady_clock::now() + 500ms;
    while (std::chrono::steady_clock::now() < until)
        engine_->turn(50ms);
    EXPECT_TRUE(exit_codes.empty());
    engine_->interrupt(SIGINT);
    run_dry(*engine_);
    EXPECT_EQ(exit_codes.size(), 8U);
    for (const auto& [id, code] : exit_codes)
        EXPECT_EQ(code, 130) << id;
}

TEST_P(AnEngine, CanBeInterruptedAtAnyMoment) {
    for (int milliseconds = 0; milliseconds < 40; milliseconds += 2) {
        int answers = 0;
        for (int i = 0; i < 4; ++i) {
            engine_->submit(job_of("import time; time.sleep(60)"),
                            [&](const runtime::RunReport&) { ++answers; });
        }
        const auto until =
            std::chrono::steady_clock::now() + std::chrono::milliseconds(milliseconds);
        do {
            engine_->turn(1ms);
        } while (std::chrono::steady_clock::now() < until);
        engine_->interrupt(SIGTERM);
        run_dry(*engine_);
        ASSERT_EQ(answers, 4) << milliseconds;
    }
}

TEST_P(AnEngine, LeavesNothingRunningWhenItGoes) {
    engine_->submit(job_of("import time; time.sleep(60)"), [](const runtime::RunReport&) {});
    const auto until = std::chrono::steady_clock::now() + 300ms;
    while (std::chrono::steady_clock::now() < until)
        engine_->turn(50ms);
    EXPECT_FALSE(kernel::children_of(::getpid()).empty()) << "the control: nothing ran";
    engine_.reset();
    EXPECT_EQ(kernel::children_of(::getpid()), std::vector<pid_t>());
}

TEST_P(AnEngine, IsNotHeldUpByAThreadItTraces) {
    const auto report = run_one(*engine_, job_of(R"(
import ctypes, threading
libc = ctypes.CDLL(None, use_errno=True)
answers = []
thread = threading.Thread(target=lambda: answers.append(libc.ptrace(0, 0, 0, 0)))
thread.start()
thread.join()
print(answers[0])
)"));
    EXPECT_EQ(report.result.out.bytes, "0\n") << "the attack did not run";
    EXPECT_EQ(report.result.status, Status::kExited);
    EXPECT_LT(report.result.usage.wall_ms, 5000);
}

}  // namespace
}  // namespace vitrine::test
