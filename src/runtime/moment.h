// One line of a run's story.
#pragma once

#include <cstdint>

namespace vitrine::runtime {

struct Moment {
    std::int64_t us = 0;    ///< Since the run started.
    const char* what = "";  ///< A literal.
};

}  // namespace vitrine::runtime
