// Programs that several test programs run as jobs.
#pragma once

#include <string>

#include "base/error.h"

namespace vitrine::test {

/// Starts up to 40 processes that stay; its value is how many it got.
inline constexpr const char* kStartsForty = R"(
import os, time, vitrine
children = 0
try:
    while children < 40:
        if os.fork() == 0:
            time.sleep(1000)
        children += 1
except OSError:
    pass
vitrine.result(children)
)";

/// So many processes that hold 40 MiB each for so long; prints "all" at the end.
inline std::string holds_memory(int processes, int seconds) {
    return concat("import os, time\nfor _ in range(", processes, "):", R"(
    if os.fork() == 0:
        block = bytearray(40 << 20)
        time.sleep()",
                  seconds, ")\n        os._exit(0)\nfor _ in range(", processes,
                  "):\n    os.wait()\nprint('all')\n");
}

}  // namespace vitrine::test
