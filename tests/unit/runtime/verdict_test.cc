#include "runtime/verdict.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <array>
#include <string>

namespace vitrine::runtime {
namespace {

Facts exited(int code, bool was_accepted = true) {
    Facts facts;
    facts.ended = {.by_signal = false, .code = code};
    facts.was_accepted = was_accepted;
    return facts;
}

Facts killed(KillCause cause, int signal = SIGKILL) {
    Facts facts;
    facts.ended = {.by_signal = true, .code = signal};
    facts.was_accepted = true;
    facts.cause = cause;
    return facts;
}

TEST(Verdict, PassesTheProgramsOwnCodeThrough) {
    for (const int code : {0, 1, 124, 125, 126, 127, 255}) {
        const Verdict verdict = judge(exited(code), {});
        EXPECT_EQ(verdict.status, Status::kExited);
        EXPECT_EQ(verdict.exit_code, code);
        EXPECT_EQ(exit_code_for(verdict), code);
    }
}

TEST(Verdict, A126BeforeAnyUntrustedCodeIsARefusal) {
    const Verdict verdict = judge(exited(126, false), {});
    EXPECT_EQ(verdict.status, Status::kRejected);
    EXPECT_EQ(verdict.exit_code, std::nullopt);  // Of the program, which was not run.
    EXPECT_EQ(exit_code_for(verdict), 126);
}

TEST(Verdict, WhoeverKilledIsNamed) {
    Limits limits;
    limits.cpu_time = std::chrono::seconds(1);
    Facts timeout = killed(KillCause::kTimeout);
    timeout.wall_ns = 601'000'000'000;
    EXPECT_EQ(judge(timeout, limits).status, Status::kTimeout);
    EXPECT_EQ(judge(timeout, limits).limit->name, "timeout");
    EXPECT_EQ(judge(timeout, limits).limit->observed, 601'000'000'000U);
    EXPECT_EQ(exit_code_for(judge(timeout, limits)), 124);
    EXPECT_EQ(judge(killed(KillCause::kCpuTime), limits).status, Status::kCpuTimeout);
    EXPECT_EQ(exit_code_for(judge(killed(KillCause::kCpuTime), limits)), 124);
    EXPECT_EQ(judge(killed(KillCause::kOutput), limits).status, Status::kOutputLimit);
    EXPECT_EQ(exit_code_for(judge(killed(KillCause::kOutput), limits)), 137);
}

TEST(Verdict, AnOomKillIsOneOnlyWhenTheKernelCountedIt) {
    Facts facts = killed(KillCause::kNone);
    EXPECT_EQ(judge(facts, {}).status, Status::kSignaled);
    facts.memory_limit_hit = true;
    EXPECT_EQ(judge(facts, {}).status, Status::kMemory);
    EXPECT_EQ(exit_code_for(judge(facts, {})), 137);
}

TEST(Verdict, AProgramThatEndsItselfInTimeIsNotTimedOut) {
    Facts facts = exited(3);
    facts.cause = KillCause::kTimeout;  // We were late: it had exited.
    EXPECT_EQ(judge(facts, {}).status, Status::kExited);
}

TEST(Verdict, ItsOwnSignalIsItsOwn) {
    const Verdict verdict = judge(killed(KillCause::kNone, SIGSEGV), {});
    EXPECT_EQ(verdict.status, Status::kSignaled);
    EXPECT_EQ(exit_code_for(verdict), 128 + SIGSEGV);
}

TEST(Verdict, TheKernelsOwnCpuLimitCountsOnlyOverTheLimit) {
    Limits limits;
    limits.cpu_time = std::chrono::seconds(1);
    Facts facts = killed(KillCause::kNone, SIGXCPU);
    facts.cpu_ns = 900'000'000;
    EXPECT_EQ(judge(facts, limits).status, Status::kSignaled);
    facts.cpu_ns = 1'100'000'000;
    EXPECT_EQ(judge(facts, limits).status, Status::kCpuTimeout);
}

/// A cause that the supervisor or the kernel has on record when the job is judged.
struct Recorded {
    const char* name;
    KillCause cause;         ///< Written down by the supervisor.
    bool kernel_for_memory;  ///< Counted by the kernel.
    bool over_cpu_time;      ///< RLIMIT_CPU's doing.
    Status alone;            ///< The verdict where nothing else happened.
};

constexpr std::array kRecords{
    Recorded{"nothing", KillCause::kNone, false, false, Status::kSignaled},
    Recorded{"timeout", KillCause::kTimeout, false, false, Status::kTimeout},
    Recorded{"cpu", KillCause::kCpuTime, false, false, Status::kCpuTimeout},
    Recorded{"sampled memory", KillCause::kMemory, false, false, Status::kMemory},
    Recorded{"output", KillCause::kOutput, false, false, Status::kOutputLimit},
    Recorded{"interrupt", KillCause::kInterrupted, false, false, Status::kSignaled},
    Recorded{"oom", KillCause::kNone, true, false, Status::kMemory},
    Recorded{"cpu rlimit", KillCause::kNone, false, true, Status::kCpuTimeout},
};

Facts facts_of(const Recorded& first, const Recorded& second, kernel::Ended ended) {
    Facts facts;
    facts.ended = ended;
    facts.was_accepted = true;
    // The supervisor writes one cause down: its first.
    facts.cause = first.cause != KillCause::kNone ? first.cause : second.cause;
    facts.memory_limit_hit = first.kernel_for_memory || second.kernel_for_memory;
    facts.cpu_ns = first.over_cpu_time || second.over_cpu_time ? 2'000'000'000 : 1000;
    return facts;
}

/// What a pair must come to when SIGKILL ended the job: the supervisor's record before the
/// kernel's count, the kernel's count before the CPU rlimit, and nothing made up.
Status expected_of(const Recorded& first, const Recorded& second) {
    for (const Recorded* record : {&first, &second}) {
        if (record->cause != KillCause::kNone) return record->alone;
    }
    for (const Recorded* record : {&first, &second}) {
        if (record->kernel_for_memory) return record->alone;
    }
    return first.over_cpu_time || second.over_cpu_time ? Status::kCpuTimeout : Status::kSignaled;
}

Limits with_cpu_time() {
    Limits limits;
    limits.cpu_time = std::chrono::seconds(1);
    return limits;
}

TEST(VerdictMatrix, EveryPairOfCausesHasOneAnswer) {
    for (const Recorded& first : kRecords) {
        for (const Recorded& second : kRecords) {
            SCOPED_TRACE(std::string(first.name) + " then " + second.name);
            const Verdict verdict = judge(
                facts_of(first, second, {.by_signal = true, .code = SIGKILL}), with_cpu_time());
            EXPECT_EQ(verdict.status, expected_of(first, second));
            EXPECT_EQ(verdict.signal, SIGKILL);
            EXPECT_EQ(verdict.limit.has_value(), verdict.status != Status::kSignaled);
        }
    }
}

TEST(VerdictMatrix, AProgramThatWasFasterThanEveryCauseHasExited) {
    for (const Recorded& first : kRecords) {
        for (const Recorded& second : kRecords) {
            const Verdict verdict =
                judge(facts_of(first, second, {.by_signal = false, .code = 3}), with_cpu_time());
            EXPECT_EQ(verdict.status, Status::kExited) << first.name << ", " << second.name;
            EXPECT_EQ(verdict.exit_code, 3);
            EXPECT_FALSE(verdict.limit);
        }
    }
}

TEST(VerdictMatrix, ItsOwnSignalIsNotTakenForOurs) {
    for (const Recorded& record : kRecords) {
        const Verdict verdict = judge(
            facts_of(record, kRecords[0], {.by_signal = true, .code = SIGSEGV}), with_cpu_time());
        EXPECT_EQ(verdict.status, Status::kSignaled) << record.name;
        EXPECT_EQ(verdict.signal, SIGSEGV);
    }
}

}  // namespace
}  // namespace vitrine::runtime
