// What a batch came to, in a few lines for people.
#pragma once

#include <string>
#include <vector>

#include "batch/statistics.h"
#include "runtime/engine.h"

namespace vitrine::batch {

/// `120 exited, 3 timeout`; nothing for statuses that did not occur.
std::string status_text(const StatusCounts& counts);

std::vector<std::string> summary_lines(const Statistics& statistics);

/// `2 warm interpreters, 15.9 MiB for 4 processes`; empty where there is none.
std::string zygotes_text(const std::vector<runtime::Zygote>& zygotes);

}  // namespace vitrine::batch
