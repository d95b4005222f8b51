// What a Runtime promises about jobs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>
#include <thread>

#include "library_jobs.h"
#include "support/scratch.h"
#include "support/vitrine_program.h"

namespace vitrine::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

TEST(ARuntime, RunsAJobFromAWarmInterpreter) {
    Runtime runtime;
    Job job;
    job.source = {.name = "answer.py", .bytes = "print(6 * 7)"};
    const Result result = runtime.run(job);
    EXPECT_EQ(result.status, Status::kExited) << described(result);
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_EQ(result.out.bytes, "42\n");
    EXPECT_TRUE(result.warm);
    EXPECT_EQ(result.id.size(), 16U);
    EXPECT_EQ(runtime.run(job_of("raise SystemExit(3)", "mine")).exit_code, 3);
    EXPECT_EQ(runtime.run(job_of("pass", "mine")).id, "mine");
}

TEST(TheConvenience, RunsAJobFromAFreshInterpreter) {
    const Result result = run(job_of("print(6 * 7)"));
    EXPECT_EQ(result.out.bytes, "42\n") << described(result);
    EXPECT_FALSE(result.warm);
}

TEST(ARuntime, MayBeCold) {
    Runtime runtime({.workers = 2, .is_cold = true});
    auto first = runtime.submit(job_of("print(1)"));
    auto second = runtime.submit(job_of("print(2)"));
    EXPECT_EQ(first.get().out.bytes, "1\n");
    const Result result = second.get();
    EXPECT_EQ(result.out.bytes, "2\n");
    EXPECT_FALSE(result.warm);
}

/// What depends neither on the run nor on the host id of its supervisor.
nlohmann::json fixed_part(nlohmann::json result) {
    for (const char* key : {"id", "usage", "timings_us"})
        result.erase(key);
    result["isolation"].erase("host_uid");
    return result;
}

TEST(AJob, HasTheDefaultsOfTheCommandLine) {
    const std::string code =
        "import os, resource, sys\n"
        "print(sorted(os.environ.items()), os.getcwd(), os.uname().nodename, os.getuid())\n"
        "print([resource.getrlimit(n) for n in range(10) if n != 1], "
        "os.statvfs('/tmp').f_blocks)\n";
    const nlohmann::json by_command = result_of(code, {"--no-validate"});
    Job job = job_of(code);
    job.source.name = "<string>";
    job.limits.timeout = Limits().timeout;
    const Result result = run(job);
    EXPECT_EQ(fixed_part(nlohmann::json::parse(to_json(result))), fixed_part(by_command));
    EXPECT_THAT(result.out.bytes, HasSubstr("PYTHONUTF8"));
}

TEST(AJob, KeepsItsOwnVariables) {
    Job job =
        job_of("import os; print(os.environ['SEED'], os.environ['HOME'], os.environ['USER'])");
    job.environment = {{"SEED", "7"}, {"HOME", "/tmp/home"}};
    EXPECT_EQ(run(job).out.bytes, "7 /tmp/home vitrine\n");
}

TEST(AJob, IsRefusedByItsPolicy) {
    Job job = job_of("import socket");
    job.policy = "strategy";
    const Result result = run(job);
    EXPECT_EQ(result.status, Status::kRejected);
    ASSERT_EQ(result.findings.size(), 1U);
    EXPECT_EQ(result.findings[0].id, "VT101");
}

TEST(AResult, MayBeLarge) {
    Runtime runtime;
    Job job = job_of(
        "import sys; sys.stdout.write('x' * (1 << 20)); print(len(sys.stdin.read()), "
        "file=sys.stderr)");
    job.stdin_text = std::string(std::size_t{8} << 20, 'y');
    const Result result = runtime.run(job);
    EXPECT_EQ(result.out.bytes.size(), std::size_t{1} << 20) << described(result);
    EXPECT_EQ(result.err.bytes, std::to_string(std::size_t{8} << 20) + "\n");
    Job larger = job_of("import sys; sys.stdout.write('x' * (40 << 20))");
    larger.limits.max_output_bytes = std::uint64_t{64} << 20;
    EXPECT_EQ(runtime.run(larger).out.bytes.size(), std::size_t{40} << 20);
}

TEST(APreload, IsThereForEveryJob) {
    Runtime runtime({.workers = 1, .preload = {.modules = {"json"}, .script = "TABLE = [1, 2]"}});
    const Result result =
        runtime.run(job_of("import preload, sys; print(preload.TABLE, 'json' in sys.modules)"));
    EXPECT_EQ(result.out.bytes, "[1, 2] True\n") << described(result);
}

TEST(APreload, ThatFailsIsToldToEveryJob) {
    Runtime runtime({.workers = 1, .preload = {.modules = {"no_such_module"}}});
    for (int i = 0; i < 2; ++i) {
        const Result result = runtime.run(job_of("pass"));
        ASSERT_TRUE(result.error);
        EXPECT_THAT(result.error->message, HasSubstr("no_such_module"));
    }
}

// ── jobs that are none ──

class AWrongJob : public testing::Test {
  protected:
    SetupError refusal(const Job& job) {
        const Result result = runtime_.run(job);
        EXPECT_TRUE(result.error) << "was run: " << described(result);
        const SetupError error = result.error.value_or(SetupError{});
        EXPECT_EQ(error.step, "job") << error.message;
        return error;
    }

    Runtime runtime_{{.workers = 1}};
    Job job_ = job_of("print('ran')");
};

TEST_F(AWrongJob, IsAnsweredAndOthersRun) {
    job_.uid = 0;
    EXPECT_THAT(refusal(job_).message, HasSubstr("uid"));
    EXPECT_EQ(runtime_.run(job_of("print('ran')")).out.bytes, "ran\n");
}

TEST_F(AWrongJob, HasPathsThatDependOnADirectory) {
    for (std::string Job::* member : {&Job::rootfs, &Job::artifacts, &Job::stdin_path}) {
        Job job = job_;
        job.*member = "some/where";
        EXPECT_THAT(refusal(job).message, HasSubstr("'some/where' is not absolute"));
    }
    job_.policy = "./policy.json";
    EXPECT_THAT(refusal(job_).message, HasSubstr("policy"));
    job_.policy = "off";
    job_.seccomp_profile = "docker-default+./mine.json";
    EXPECT_THAT(refusal(job_).message, HasSubstr("seccomp_profile"));
}

TEST_F(AWrongJob, BindsWhatMustNotBeSeen) {
    for (const char* source : {"/proc", "/", "/dev/null", "/nowhere", "relative"}) {
        Job job = job_;
        job.binds = {{.source = source, .destination = "/data"}};
        EXPECT_THAT(refusal(job).message, HasSubstr("binds")) << source;
    }
    for (const char* destination : {"/proc/x", "/tmp", "/", "data"}) {
        Job job = job_;
        job.binds = {{.source = "/etc/hostname", .destination = destination}};
        EXPECT_THAT(refusal(job).message, HasSubstr("binds")) << destination;
    }
}

TEST_F(AWrongJob, AsksForWhatNobodyCanGive) {
    const auto expect = [this](const char* what, void (*spoil)(Job&)) {
        Job job = job_;
        spoil(job);
        EXPECT_THAT(refusal(job).message, HasSubstr(what));
    };
    expect("cpus", [](Job& job) { job.limits.cpus = 0; });
    expect("pids", [](Job& job) { job.limits.pids = 0; });
    expect("timeout", [](Job& job) { job.limits.timeout = 0s; });
    expect("memory", [](Job& job) { job.limits.memory_bytes = 0; });
    expect("256 MiB", [](Job& job) { job.limits.max_output_bytes = std::uint64_t{1} << 40; });
    expect("required", [](Job& job) { job.required = {"luck"}; });
    expect("stdin", [](Job& job) { job.stdin_path = "-"; });
    expect("hostname", [](Job& job) { job.hostname = "a b"; });
    expect("workdir", [](Job& job) { job.workdir = "tmp"; });
    expect("entry", [](Job& job) { job.entry = EntryPoint{"f", "7"}; });
    expect("environment", [](Job& job) { job.environment = {{"A=B", ""}}; });
    expect("arguments", [](Job& job) { job.arguments = {std::string("a\0b", 3)}; });
    expect("id", [](Job& job) { job.id = "two\nlines"; });
}

// ── many at a time ──

TEST(AThousandJobs, OfEightThreadsAreAnsweredOnceEach) {
    constexpr int kThreads = 8;
    constexpr int kJobs = 125;
    std::mutex mutex;
    std::map<std::string, int> answers;
    std::vector<std::string> wrong;
    Runtime runtime;
    const auto take = [&](const std::string& id, const Result& result) {
        const std::lock_guard lock(mutex);
        ++answers[id];
        if (result.id != id || result.out.bytes != id + "\n") wrong.push_back(described(result));
    };
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
        threads.emplace_back([&, t] {
            std::vector<std::pair<std::string, std::future<Result>>> futures;
            for (int i = 0; i < kJobs; ++i) {
                const std::string id = std::to_string(t) + "-" + std::to_string(i);
                Job job = job_of("print('" + id + "')", id);
                if (i % 2 == 0) {
                    futures.emplace_back(id, runtime.submit(std::move(job)));
                } else {
                    runtime.submit(std::move(job),
                                   [&take, id](const Result& result) { take(id, result); });
                }
            }
            for (auto& [id, future] : futures)
                take(id, future.get());
        });
    }
    for (std::thread& thread : threads)
        thread.join();
    runtime.wait();
    EXPECT_EQ(answers.size(), std::size_t{kThreads} * kJobs);
    for (const auto& [id, times] : answers)
        EXPECT_EQ(times, 1) << id;
    EXPECT_TRUE(wrong.empty()) << wrong.size() << ": " << wrong.front();
}

TEST(Workers, RunAtTheSameTime) {
    Runtime runtime({.workers = 3});
    (void)runtime.run(job_of("pass"));
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < 3; ++i)
        runtime.submit(job_of("import time; time.sleep(1)"), [](const Result&) {});
    runtime.wait();
    EXPECT_LT(std::chrono::steady_clock::now() - start, 2500ms);
}

TEST(ACallback, MaySubmitMoreButNotWait) {
    Runtime runtime({.workers = 1});
    std::string answers;
    int refusals = 0;
    runtime.submit(job_of("print('first')"), [&](const Result& first) {
        answers += first.out.bytes;
        try {
            (void)runtime.run(job_of("pass"));
        } catch (const std::runtime_error& error) {
            EXPECT_THAT(error.what(), HasSubstr("callback"));
            ++refusals;
        }
        EXPECT_THROW(runtime.wait(), std::runtime_error);
        runtime.submit(job_of("print('second')"),
                       [&](const Result& second) { answers += second.out.bytes; });
    });
    runtime.wait();
    EXPECT_EQ(answers, "first\nsecond\n");
    EXPECT_EQ(refusals, 1);
}

TEST(ACallback, IsLetGoBeforeWaitReturns) {
    Runtime runtime({.workers = 1});
    auto held = std::make_shared<int>(1);
    runtime.submit(job_of("pass"), [held](const Result&) {});
    runtime.wait();
    EXPECT_EQ(held.use_count(), 1);
}

// ── ends ──

/// Sleeps after it has left a sign on the host.
Job sleeper(const Scratch& scratch, const std::string& id) {
    Job job = job_of("open('/signs/" + id + "', 'w').close()\nimport time; time.sleep(60)", id);
    job.limits.timeout = 60s;
    job.binds = {{.source = scratch.path(), .destination = "/signs", .is_writable = true}};
    return job;
}

class AnInterruption : public testing::Test {
  protected:
    void SetUp() override { ASSERT_EQ(::chmod(scratch_.path().c_str(), 0777), 0); }

    std::vector<std::future<Result>> submit_some(Runtime& runtime) {
        std::vector<std::future<Result>> futures;
        for (int i = 0; i < 20; ++i)
            futures.push_back(runtime.submit(sleeper(scratch_, std::to_string(i))));
        EXPECT_TRUE(appears(scratch_.path() + "/0") && appears(scratch_.path() + "/1"));
        return futures;
    }

    static void expect_interrupted(std::vector<std::future<Result>>& futures) {
        std::multiset<std::string> steps;
        for (auto& future : futures) {
            ASSERT_EQ(future.wait_for(20s), std::future_status::ready);
            const Result result = future.get();
            EXPECT_EQ(result.status, Status::kSetupError);
            steps.insert(result.error ? result.error->step : "none");
        }
        EXPECT_EQ(steps.count("interrupted"), 2U) << "those of two workers ran";
        EXPECT_EQ(
            steps.count("interrupted") + steps.count("await-turn") + steps.count("await-sandbox"),
            20U);
    }

    Scratch scratch_;
};

TEST_F(AnInterruption, EndsEverythingThatWasSubmittedAndNothingElse) {
    Runtime runtime({.workers = 2});
    auto futures = submit_some(runtime);
    runtime.interrupt();
    auto later = runtime.submit(job_of("print('later')"));
    expect_interrupted(futures);
    EXPECT_EQ(later.get().out.bytes, "later\n");
}

TEST_F(AnInterruption, IsWhatADestructorBeginsWith) {
    std::vector<std::future<Result>> futures;
    {
        Runtime runtime({.workers = 2});
        futures = submit_some(runtime);
    }
    for (auto& future : futures)
        EXPECT_EQ(future.wait_for(0s), std::future_status::ready);
    expect_interrupted(futures);
}

TEST_F(AnInterruption, IsToldToCallbacksThatSubmitMore) {
    std::atomic<int> answers = 0;
    std::function<void(Result)> again;
    {
        Runtime runtime({.workers = 1});
        again = [&](const Result&) {
            if (++answers < 10) runtime.submit(job_of("pass"), again);
        };
        runtime.submit(sleeper(scratch_, "0"), again);
        ASSERT_TRUE(appears(scratch_.path() + "/0"));
    }
    EXPECT_EQ(answers, 10);
}

TEST(ARuntime, ThatIsNeverUsedStartsNothing) {
    const auto start = std::chrono::steady_clock::now();
    {
        const Runtime runtime;
    }
    EXPECT_LT(std::chrono::steady_clock::now() - start, 500ms);
}

TEST(Options, ThatCannotBeRightAreRefused) {
    EXPECT_THROW(Runtime({.program = "/nowhere/vitrine"}), std::runtime_error);
    EXPECT_THROW(Runtime({.program = "vitrine"}), std::runtime_error);
    EXPECT_THROW(Runtime({.rootfs = "rootfs"}), std::runtime_error);
    EXPECT_THROW(Runtime({.is_cold = true, .preload = {.modules = {"json"}}}), std::runtime_error);
    try {
        const Runtime runtime({.program = "/nowhere/vitrine"});
    } catch (const std::runtime_error& error) {
        EXPECT_THAT(error.what(), HasSubstr("RuntimeOptions::program"));
    }
}

TEST(Options, ThatTheSupervisorCannotUseAreToldToEveryJob) {
    Runtime runtime({.workers = 1, .rootfs = "/nowhere"});
    const Result result = runtime.run(job_of("pass"));
    ASSERT_TRUE(result.error);
    EXPECT_EQ(result.error->step, "rootfs");
}

}  // namespace
}  // namespace vitrine::test
