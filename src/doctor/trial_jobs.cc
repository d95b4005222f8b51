#include "doctor/trial_jobs.h"

#include <algorithm>

#include "base/error.h"
#include "runtime/job_defaults.h"
#include "runtime/result_json.h"
#include "runtime/run.h"

namespace vitrine::doctor {

namespace {

Job make_job(const TrialJob& trial, const TestedHost& host) {
    Job job;
    job.id = "selftest";
    job.source = {"attack.py", std::string(trial.program)};
    job.arguments = trial.arguments;
    job.policy = "off";
    job.limits.timeout = std::chrono::seconds(60);
    job.rootfs = host.rootfs;
    trial.prepare(job);
    job.environment = runtime::default_environment(job.limits);
    return job;
}

std::string describe(const Result& result) {
    if (result.error) return concat("not set up: ", result.error->message);
    if (result.status == Status::kExited && !result.value_json.empty()) return result.value_json;
    if (result.exception) return result.exception->type + ": " + result.exception->message;
    return runtime::status_name(result.status);
}

}  // namespace

Half run_trial_job(const TrialJob& trial, const TestedHost& host) {
    const Result result = runtime::run(make_job(trial, host), {.profiles = host.profiles}).result;
    return {.title = trial.title,
            .is_as_it_must_be = !result.error && trial.is_right(result),
            .seen = describe(result)};
}

std::function<bool(const Result&)> says(const char* value) {
    return [wanted = concat("\"", value, "\"")](const Result& result) {
        return result.status == Status::kExited && result.value_json == wanted;
    };
}

std::function<bool(const Result&)> ends_by(Status status) {
    return [status](const Result& result) { return result.status == status; };
}

bool is_degraded(const Result& result, const char* layer) {
    return std::ranges::find(result.isolation.degraded, layer) != result.isolation.degraded.end();
}

}  // namespace vitrine::doctor
