// Programs layer 1 must let pass: accepted without a finding, and run, guard and all, with the
// output python3 gives.
#include <gtest/gtest.h>

#include <cstdlib>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "support/scratch.h"
#include "validator/corpus.h"
#include "validator/job_process.h"
#include "validator/scientific.h"

namespace vitrine::test {
namespace {

const std::vector<Case>& corpus() {
    static const std::vector<Case> cases = read_corpus("honest");
    return cases;
}

/// What the host's own python3 makes of every program: one process that forks for each, so that
/// numpy and pandas are imported once.
class Outside {
  public:
    Outside() {
        std::string command =
            concat(VITRINE_PYTHON, " -I " VITRINE_SOURCE_ROOT "/tests/validator/run_each.py");
        for (std::size_t i = 0; i < corpus().size(); ++i) {
            scratch_.write(concat(i, ".py"), corpus()[i].source);
            command += concat(" ", scratch_.path(), "/", i, ".py");
        }
        if (std::system(command.c_str()) != 0) {  // NOLINT(cert-env33-c): a fixed command.
            throw Error("the honest programs could not be run outside");
        }
    }

    std::string output(std::size_t i) const {
        return read_file(concat(scratch_.path(), "/", i, ".py.out"), std::size_t{1} << 20);
    }
    std::string exit_code(std::size_t i) const {
        return read_file(concat(scratch_.path(), "/", i, ".py.exit"), 16);
    }

  private:
    Scratch scratch_;
};

const Outside& outside() {
    static const Outside one;
    return one;
}

class Honest : public testing::TestWithParam<std::size_t> {};

TEST_P(Honest, RunsAsOutside) {
    const Case& program = corpus()[GetParam()];
    const JobOutcome outcome = run_job(
        scientific_interpreter(),
        {.source = {.name = "honest.py", .bytes = program.source}, .policy = default_policy()});
    ASSERT_TRUE(outcome.accepted && outcome.findings.empty()) << title(program) << "\n"
                                                              << program.source << "\nfindings:\n"
                                                              << described(outcome.findings);
    EXPECT_EQ(outcome.exit_code, 0) << title(program) << "\n" << outcome.err;
    EXPECT_EQ(outside().exit_code(GetParam()), "0") << title(program);
    EXPECT_EQ(outcome.out, outside().output(GetParam())) << title(program) << "\n" << outcome.err;
    EXPECT_FALSE(outcome.out.empty()) << title(program) << " prints nothing";
}

INSTANTIATE_TEST_SUITE_P(Programs, Honest, testing::Range(std::size_t{0}, corpus().size()));

TEST(HonestCorpus, IsLargeAndHasNoCaseTwice) {
    std::set<std::string> sources;
    for (const Case& program : corpus())
        EXPECT_TRUE(sources.insert(program.source).second) << title(program);
    EXPECT_GE(sources.size(), 100U);
}

}  // namespace
}  // namespace vitrine::test
