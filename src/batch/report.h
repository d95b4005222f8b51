// A page about a batch: one HTML file that needs nothing else.
#pragma once

#include <cstdint>
#include <string>

#include "batch/statistics.h"

namespace vitrine::batch {

struct ReportFacts {
    std::string input;  ///< As it was named on the command line.
    unsigned workers = 1;
    bool is_complete = true;  ///< False: the batch was ended before all was done.
    std::uint64_t skipped = 0;
};

/// The page. Its size is bounded, however many jobs there were; whatever came from a job is data
/// in it, never markup.
std::string render_report(const Statistics& statistics, const ReportFacts& facts);

}  // namespace vitrine::batch
