// Programs layer 1 must refuse. Each is shown to get what it is after where layer 1 is off, so that
// none of them is a straw man.
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "base/error.h"
#include "support/scratch.h"
#include "support/vitrine_program.h"
#include "validator/corpus.h"
#include "validator/job_process.h"
#include "validator/scientific.h"

namespace vitrine::test {
namespace {

/// What a program can only print when it reached a file, the environment or its input.
std::string make_canary() {
    std::random_device random;
    return concat("canary-", random(), "-", random());
}

/// The same one everywhere a program might look for it.
class Canary {
  public:
    Canary() : value_(make_canary()), path_(scratch_.write("canary", value_ + "\n")) {}

    const std::string& value() const { return value_; }

    /// Runs `source` in a real sandbox with layer 1 off.
    Answer run_unvalidated(const Case& program) const {
        Call call{.arguments = {"run", "--no-validate", "--ro-bind", path_ + ":/canary", "--env",
                                "CANARY=" + value_, "--stdin", path_, "--timeout", "30s"}};
        if (is_scientific(program)) {
            call.arguments.insert(call.arguments.end(), {"--rootfs", scientific_rootfs()});
        }
        call.arguments.push_back(scratch_.write("script.py", program.source));
        return run_vitrine(call);
    }

  private:
    Scratch scratch_;
    std::string value_;
    std::string path_;
};

const Canary& canary() {
    static const Canary one;
    return one;
}

/// Running, it must end by a refusal, and with nothing to show for it.
void expect_stopped(const Case& program, const JobOutcome& outcome) {
    EXPECT_NE(outcome.exit_code, 0) << title(program) << "\nit printed: " << outcome.out;
    EXPECT_NE(outcome.err.find("the policy "), std::string::npos) << outcome.err;
    const std::string& wanted = program.expects.empty() ? canary().value() : program.expects;
    EXPECT_EQ(outcome.out.find(wanted), std::string::npos) << title(program) << "\n" << outcome.out;
}

class Hostile : public testing::TestWithParam<Case> {};

TEST_P(Hostile, IsRefused) {
    const Case& program = GetParam();
    const JobOutcome outcome = run_job(
        scientific_interpreter(),
        {.source = {.name = "hostile.py", .bytes = program.source}, .policy = default_policy()});
    if (program.is_stopped_at_run_time) {
        EXPECT_TRUE(outcome.accepted) << title(program) << " needs no run time to be refused";
        return expect_stopped(program, outcome);
    }
    EXPECT_FALSE(outcome.accepted)
        << title(program) << "\n"
        << program.source << "\nit printed: " << outcome.out << outcome.err;
    EXPECT_FALSE(outcome.findings.empty()) << title(program) << "\n" << outcome.err;
}

class HostileUnwalked : public testing::TestWithParam<Case> {};

TEST_P(HostileUnwalked, IsStoppedByTheGuardAlone) {
    const Case& program = GetParam();
    expect_stopped(program, run_guarded(scientific_interpreter(),
                                        {.source = {.name = "hostile.py", .bytes = program.source},
                                         .policy = default_policy()}));
}

TEST_P(Hostile, GetsItsEffectWithoutLayerOne) {
    const Case& program = GetParam();
    if (!program.without_effect.empty()) return;
    const Answer answer = canary().run_unvalidated(program);
    const std::string& wanted = program.expects.empty() ? canary().value() : program.expects;
    EXPECT_NE(answer.out.find(wanted), std::string::npos)
        << title(program) << "\n"
        << program.source << "\nit printed: " << answer.out << answer.err;
}

INSTANTIATE_TEST_SUITE_P(Programs, Hostile, testing::ValuesIn(read_corpus("hostile")));

std::vector<Case> those_for_the_guard() {
    std::vector<Case> cases = read_corpus("hostile");
    std::erase_if(cases, [](const Case& program) { return !program.is_also_stopped_at_run_time; });
    return cases;
}

INSTANTIATE_TEST_SUITE_P(Programs, HostileUnwalked, testing::ValuesIn(those_for_the_guard()));

TEST(HostileCorpus, IsLargeAndHasNoCaseTwice) {
    std::set<std::string> sources;
    for (const Case& program : read_corpus("hostile")) {
        EXPECT_TRUE(sources.insert(program.source).second) << title(program);
    }
    EXPECT_GE(sources.size(), 150U);
}

TEST(HostileCorpus, CanaryIsOutOfReachOfAnHonestProgram) {
    const Case honest{.source = "print('nothing to see')\n"};
    const Answer answer = canary().run_unvalidated(honest);
    EXPECT_EQ(answer.out, "nothing to see\n") << answer.err;
}

}  // namespace
}  // namespace vitrine::test
