// The recipe `scientific`: Debian's numpy, pandas and scipy, inside as outside.
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/error.h"
#include "base/file.h"
#include "support/scratch.h"
#include "support/vitrine_program.h"

namespace vitrine::test {
namespace {

const std::string kScript = VITRINE_SOURCE_ROOT "/tests/data/scientific.py";

/// What the host's own Python prints for the script.
std::string output_outside(const Scratch& scratch) {
    const std::string output = scratch.path() + "/outside";
    const std::string command =
        concat(VITRINE_PYTHON, " ", kScript, " > ", output, " 2>", scratch.path(), "/errors");
    // NOLINTNEXTLINE(concurrency-mt-unsafe): tests are one thread.
    EXPECT_EQ(std::system(command.c_str()), 0) << read_file(scratch.path() + "/errors", 100000);
    return read_file(output, 100000);
}

TEST(Scientific, SaysInsideWhatItSaysOutside) {
    const Scratch scratch;
    const std::string root = scratch.path() + "/root";
    const Answer built =
        run_vitrine({.arguments = {"rootfs", "build", "-q", "-o", root, "--recipe", "scientific"},
                     .input = {},
                     .environment = {},
                     .patience = std::chrono::seconds(180)});
    ASSERT_EQ(built.exit_code, 0) << built.err;
    const Answer inside =
        run_vitrine({.arguments = {"run", "-q", "--no-validate", "--memory", "1g", "--pids-limit",
                                   "64", "--rootfs", root, kScript},
                     .input = {},
                     .environment = {},
                     .patience = std::chrono::seconds(120)});
    EXPECT_EQ(inside.exit_code, 0) << inside.err;
    const std::string outside = output_outside(scratch);
    EXPECT_GT(outside.size(), 400U);
    EXPECT_EQ(inside.out, outside);
}

}  // namespace
}  // namespace vitrine::test
