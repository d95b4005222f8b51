// What lives under an engine, and what comes of its death: zygotes, a nursery, parked sandboxes.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <thread>
#include <tuple>

#include "base/cores.h"
#include "base/file.h"
#include "engine_jobs.h"
#include "kernel/process.h"
#include "python/warm.h"
#include "runtime/nest.h"
#include "runtime/plan.h"

namespace vitrine::test {
namespace {

using namespace std::chrono_literals;

void turn_for(runtime::Engine& engine, std::chrono::milliseconds time) {
    const auto until = std::chrono::steady_clock::now() + time;
    while (std::chrono::steady_clock::now() < until)
        engine.turn(10ms);
}

/// Children of ours in our own pid namespace: zygotes and nurseries. Inits and payloads have one of
/// their own.
std::vector<pid_t> nest_processes() {
    std::vector<pid_t> found;
    for (const pid_t child : kernel::children_of(::getpid())) {
        std::ifstream status("/proc/" + std::to_string(child) + "/status");
        for (std::string line; std::getline(status, line);) {
            // One number a namespace, from ours inwards.
            if (line.starts_with("NSpid:") && line.find('\t', 7) == std::string::npos) {
                found.push_back(child);
            }
        }
    }
    return found;
}

std::size_t open_descriptors() {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        (void)entry;
        ++count;
    }
    return count;
}

/// Of an engine with `workers`: a nursery, and a zygote for each of the cores they can keep busy.
std::size_t processes_of_a_nest(unsigned workers) {
    return 1 + std::min(usable_cores(), workers);
}

/// After how many milliseconds which of the nest's processes is killed, as they were born.
class AKilledNest : public testing::TestWithParam<std::tuple<int, std::size_t>> {};

TEST_P(AKilledNest, LosesNoJob) {
    const auto [moment, victim] = GetParam();
    if (victim >= processes_of_a_nest(2)) GTEST_SKIP() << "one core has no use for a twin";
    const auto engine = runtime::make_engine(engine_options(Kind::kWarm, 2));
    std::multiset<std::string> answers;
    std::vector<std::string> wrong;
    const auto submit = [&](const std::string& code, const std::string& id) {
        engine->submit(job_of(code, id), [&](const runtime::RunReport& report) {
            answers.insert(report.result.id);
            if (report.result.out.bytes != "done\n") {
                wrong.push_back(report.result.id +
                                (report.result.error ? ": " + report.result.error->message : ""));
            }
        });
    };
    // One that runs while its zygote dies, and many that come after.
    submit("import time; time.sleep(1); print('done')", "running");
    turn_for(*engine, 700ms);
    const std::vector<pid_t> nest = nest_processes();
    ASSERT_EQ(nest.size(), processes_of_a_nest(2));
    for (int i = 0; i < 30; ++i)
        submit("print('done')", std::to_string(i));
    turn_for(*engine, std::chrono::milliseconds(moment));
    ::kill(nest.at(victim), SIGKILL);
    run_dry(*engine);
    EXPECT_EQ(answers.size(), 31U);
    EXPECT_EQ(std::set<std::string>(answers.begin(), answers.end()).size(), 31U);
    EXPECT_TRUE(wrong.empty()) << wrong.front();
    for (const pid_t dead : nest) {
        const auto now = nest_processes();
        EXPECT_EQ(std::count(now.begin(), now.end(), dead), 0) << "was not replaced";
    }
}

INSTANTIATE_TEST_SUITE_P(Moments, AKilledNest,
                         testing::Combine(testing::Values(0, 10, 30), testing::Values(0U, 1U, 2U)));

TEST(ANest, ForksPayloadsFromEachOfItsZygotes) {
    if (usable_cores() < 2) GTEST_SKIP() << "one core has no use for a twin";
    const auto engine = runtime::make_engine(engine_options(Kind::kWarm, 2));
    const std::string look = "import os; print(os.getpriority(os.PRIO_PROCESS, 0))";
    EXPECT_EQ(run_one(*engine, job_of(look)).result.out.bytes, "0\n");
    // A payload inherits the priority of whoever forks it, and the nursery forks none.
    int priority = 0;
    for (const pid_t process : nest_processes())
        ASSERT_EQ(::setpriority(PRIO_PROCESS, static_cast<id_t>(process), ++priority), 0);
    EXPECT_EQ(priority, 3);
    std::vector<Job> jobs;
    for (int i = 0; i < 60; ++i)
        jobs.push_back(job_of(look, std::to_string(i)));
    std::set<std::string> priorities;
    for (const auto& [id, reports] : run_all(*engine, std::move(jobs)))
        priorities.insert(reports.at(0).result.out.bytes);
    priorities.erase("0\n");  // They were parked before.
    EXPECT_EQ(priorities, (std::set<std::string>{"1\n", "3\n"}));
    EXPECT_EQ(engine->zygotes().at(0).processes, 2U);
}

TEST(AnEngine, LeavesNoProcessWheneverItEnds) {
    const std::vector<pid_t> before = kernel::children_of(::getpid());
    std::set<std::size_t> sizes;
    // Before its nest is there, while that grows, and when it is complete.
    for (int moment = 0; moment < 400; moment += 20) {
        const auto engine = runtime::make_engine(engine_options(Kind::kWarm, 4));
        engine->submit(job_of("pass"), [](const runtime::RunReport&) {});
        turn_for(*engine, std::chrono::milliseconds(moment));
        sizes.insert(nest_processes().size());
    }
    EXPECT_TRUE(sizes.contains(processes_of_a_nest(4))) << "the control: it was never complete";
    EXPECT_EQ(kernel::children_of(::getpid()), before);
}

TEST(ANest, EndsATwinThatItHasNotHeardOf) {
    const std::vector<pid_t> before = kernel::children_of(::getpid());
    runtime::EventLoop loop;
    runtime::Children children(loop);
    const auto identity = runtime::host_identity();
    const Job job = job_of("pass");
    python::Preload preload;
    preload.policy = runtime::plan_policy(job, engine_options(Kind::kWarm).profiles);
    bool is_ready = false;
    std::optional<runtime::Nest> nest;
    nest.emplace(loop, children, identity, runtime::plan_sandbox(job, identity),
                 runtime::Nest::Brood{.zygotes = 2, .preload = encode(preload)},
                 runtime::Nest::Hooks{.on_ready = [&] { is_ready = true; },
                                      .on_dead = [](const sandbox::Failure&) {}});
    for (int i = 0; i < 500 && !is_ready; ++i)
        loop.turn(10ms);
    // Its zygote bears the twin and says so, which waits in the socket.
    std::this_thread::sleep_for(200ms);
    EXPECT_EQ(nest_processes().size(), 3U) << "the control";
    EXPECT_EQ(nest->zygotes(), 1U) << "the control";
    nest.reset();
    EXPECT_EQ(kernel::children_of(::getpid()), before);
}

TEST(ADeadParkedSandbox, IsNotGivenToAJob) {
    const auto engine = runtime::make_engine(engine_options(Kind::kWarm, 1));
    EXPECT_EQ(run_one(*engine, job_of("print(1)")).result.out.bytes, "1\n");
    turn_for(*engine, 500ms);
    const std::vector<pid_t> nest = nest_processes();
    int killed = 0;
    for (const pid_t child : kernel::children_of(::getpid())) {
        if (std::count(nest.begin(), nest.end(), child) > 0) continue;
        ::kill(child, SIGKILL);
        ++killed;
    }
    EXPECT_GE(killed, 2) << "the control: nothing was parked";
    turn_for(*engine, 300ms);
    EXPECT_EQ(run_one(*engine, job_of("print(2)")).result.out.bytes, "2\n");
}

TEST(APreload, ThatFailsIsToldToEveryJob) {
    auto options = engine_options(Kind::kWarm, 2);
    options.preload.modules = {"no_such_module"};
    const auto engine = runtime::make_engine(options);
    const auto answers = run_all(*engine, {job_of("pass", "a"), job_of("pass", "b")});
    ASSERT_EQ(answers.size(), 2U);
    for (const auto& [id, reports] : answers) {
        ASSERT_TRUE(reports.at(0).result.error) << id;
        EXPECT_EQ(reports.at(0).result.error->step, "warm-up");
        EXPECT_NE(reports.at(0).result.error->message.find("no_such_module"), std::string::npos)
            << reports.at(0).result.error->message;
    }
}

TEST(APreload, MayNotStartThreads) {
    auto options = engine_options(Kind::kWarm, 1);
    options.preload.script =
        "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), "
        "daemon=True).start()";
    const auto engine = runtime::make_engine(options);
    const auto report = run_one(*engine, job_of("pass"));
    ASSERT_TRUE(report.result.error);
    EXPECT_NE(report.result.error->message.find("threads"), std::string::npos)
        << report.result.error->message;
}

/// Resident kilobytes of this process.
std::size_t resident() {
    std::size_t total = 0;
    std::size_t pages = 0;
    std::ifstream("/proc/self/statm") >> total >> pages;
    return pages * 4;
}

TEST(ThousandsOfWarmJobs, LeaveNothing) {
    constexpr int kJobs = 3000;
    const std::vector<pid_t> children_before = kernel::children_of(::getpid());
    const std::size_t descriptors_before = open_descriptors();
    std::size_t resident_after_warm_up = 0;
    {
        const auto engine = runtime::make_engine(engine_options(Kind::kWarm, 4));
        const char* kinds[] = {"print('done')", "raise SystemExit(3)",
                               "import os; os.kill(os.getpid(), 11)",
                               "import os\nif os.fork() == 0:\n    __import__('time').sleep(60)",
                               "print('x' * 100000)"};
        int answered = 0;
        int errors = 0;
        for (int i = 0; i < kJobs; ++i) {
            engine->submit(job_of(kinds[i % std::size(kinds)]),
                           [&](const runtime::RunReport& report) {
                               ++answered;
                               if (report.result.status == Status::kSetupError) ++errors;
                           });
            while (engine->pending() > 8)
                engine->turn(100ms);
            if (i == kJobs / 3) resident_after_warm_up = resident();
        }
        run_dry(*engine);
        EXPECT_EQ(answered, kJobs);
        EXPECT_EQ(errors, 0);
        EXPECT_LE(resident(), resident_after_warm_up * 11 / 10) << "memory grows";
    }
    EXPECT_EQ(kernel::children_of(::getpid()), children_before);
    EXPECT_EQ(open_descriptors(), descriptors_before);
}

}  // namespace
}  // namespace vitrine::test
