#include "engine_jobs.h"

#include <gtest/gtest.h>

#include "runtime/job_defaults.h"

namespace vitrine::test {

using namespace std::chrono_literals;

runtime::EngineOptions engine_options(Kind kind, unsigned workers) {
    return {.profiles = VITRINE_BUILD_ROOT "/profiles",
            .workers = workers,
            .is_cold = kind == Kind::kCold,
            .preload = {}};
}

Job job_of(const std::string& code, const std::string& id) {
    Job job;
    job.id = id;
    job.source = {.name = "job.py", .bytes = code};
    job.policy = "off";
    job.rootfs = VITRINE_BUILD_ROOT "/rootfs/minimal";
    job.limits.timeout = 10s;
    job.environment = runtime::default_environment(job.limits);
    return job;
}

void run_dry(runtime::Engine& engine) {
    const auto deadline = std::chrono::steady_clock::now() + 60s;
    while (engine.pending() > 0 && std::chrono::steady_clock::now() < deadline)
        engine.turn(100ms);
    EXPECT_EQ(engine.pending(), 0U) << "not everything was answered within a minute";
}

runtime::RunReport run_one(runtime::Engine& engine, Job job) {
    runtime::RunReport answer;
    engine.submit(std::move(job), [&](runtime::RunReport report) { answer = std::move(report); });
    run_dry(engine);
    return answer;
}

std::map<std::string, std::vector<runtime::RunReport>> run_all(runtime::Engine& engine,
                                                               std::vector<Job> jobs) {
    std::map<std::string, std::vector<runtime::RunReport>> answers;
    for (Job& job : jobs) {
        engine.submit(std::move(job), [&](runtime::RunReport report) {
            answers[report.result.id].push_back(std::move(report));
        });
    }
    run_dry(engine);
    return answers;
}

}  // namespace vitrine::test
