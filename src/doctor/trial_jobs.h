// One half of a trial that is a job: a program, and what must come of it.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "doctor/selftest.h"
#include "vitrine/job.h"
#include "vitrine/result.h"

namespace vitrine::doctor {

struct TrialJob {
    std::string title;
    std::string_view program;  ///< One of attacks/.
    std::vector<std::string> arguments;
    std::function<void(Job&)> prepare = [](Job&) {};  ///< Flags of the job.
    std::function<bool(const Result&)> is_right;
};

/// Without layer 1, unless `prepare` says otherwise: the layers below must hold alone.
Half run_trial_job(const TrialJob& trial, const TestedHost& host);

/// It ran to its end and said so: `"refused"`.
std::function<bool(const Result&)> says(const char* value);
/// It was ended like this.
std::function<bool(const Result&)> ends_by(Status status);

bool is_degraded(const Result& result, const char* layer);

}  // namespace vitrine::doctor
