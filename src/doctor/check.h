// One thing that was looked at, and what was found.
#pragma once

#include <string>
#include <vector>

#include "base/causes.h"

namespace vitrine::doctor {

enum class Verdict {
    kPass,
    kCaution,  ///< Jobs run, with something weaker; see Weight::kCaution.
    kFail,     ///< Nothing runs.
};

struct Check {
    std::string name;  ///< Stable, for programs: `user-namespaces`.
    Verdict verdict = Verdict::kPass;
    std::string found;   ///< What is here, or what is wrong.
    std::string cause;   ///< The id of a row of base/causes.h; empty where all is well.
    std::string remedy;  ///< What to do; empty where nothing is to be done or nothing is known.
    std::string file;    ///< The content of a file that the remedy speaks of.
    std::vector<std::string> notes;
};

inline Check passed(std::string name, std::string found) {
    return {.name = std::move(name), .found = std::move(found)};
}

/// The row's weight is the verdict.
inline Check judged(std::string name, const Advice& advice) {
    return {
        .name = std::move(name),
        .verdict = weight_of(advice.cause) == Weight::kFailure ? Verdict::kFail : Verdict::kCaution,
        .found = advice.message,
        .cause = cause_id(advice.cause),
        .remedy = advice.remedy,
        .file = advice.file};
}

}  // namespace vitrine::doctor
