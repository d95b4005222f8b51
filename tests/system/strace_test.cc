// `run --strace` and `batch --strace`: Debian's own strace, attached from outside.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <regex>
#include <set>
#include <sstream>
#include <thread>

#include "base/error.h"
#include "base/file.h"
#include "support/batch.h"
#include "support/running_job.h"
#include "support/scratch.h"
#include "support/vitrine_program.h"

namespace vitrine::test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

constexpr std::size_t kEnough = std::size_t{64} << 20;

/// Opens two files, one of which is not there, and a third in a child.
constexpr const char* kOpens = R"(
import os
os.close(os.open('/tmp/first', os.O_CREAT | os.O_WRONLY))
try:
    os.open('/nonexistent/second', os.O_RDONLY)
except FileNotFoundError:
    pass
child = os.fork()
if child == 0:
    os.close(os.open('/tmp/third', os.O_CREAT | os.O_WRONLY))
    os._exit(7)
os.waitpid(child, 0)
)";

/// Without CPython's looks at the clock, which are calls on some machines only.
std::vector<std::string> lines_in(const std::string& path) {
    std::istringstream text(read_file(path, kEnough));
    std::vector<std::string> lines;
    for (std::string line; std::getline(text, line);) {
        if (!line.contains("clock_gettime(")) lines.push_back(line);
    }
    return lines;
}

/// What was opened, in order.
std::vector<std::string> opened_in(const std::string& path) {
    const std::regex call("openat\\([A-Z_]+, \"([^\"]*)\"");
    std::vector<std::string> opened;
    for (const std::string& line : lines_in(path)) {
        if (std::smatch found; std::regex_search(line, found, call)) opened.push_back(found[1]);
    }
    return opened;
}

/// The processes that made calls.
std::set<std::string> processes_in(const std::string& path) {
    std::set<std::string> pids;
    for (const std::string& line : lines_in(path))
        pids.insert(line.substr(0, line.find(' ')));
    return pids;
}

/// A directory in front of PATH with a program in it that is called strace: it tells its version,
/// and does `script` when it is to attach.
class FakeStrace {
  public:
    explicit FakeStrace(const std::string& script) {
        const std::string path = scratch_.write(
            "strace", "#!/bin/bash\n[ \"${!#}\" != -V ] || exec /usr/bin/strace -V\n" + script);
        ::chmod(path.c_str(), 0755);
    }
    std::vector<std::pair<std::string, std::string>> environment() const {
        return {{"PATH", scratch_.path() + ":/usr/bin:/bin"}};
    }

  private:
    Scratch scratch_;
};

Answer run_traced(const std::string& code, const std::string& file,
                  std::vector<std::string> flags = {}) {
    flags.insert(flags.begin(), {"--no-validate", "--strace=" + file});
    return run_code(code, std::move(flags));
}

nlohmann::json result_traced(const std::string& code, const std::string& file,
                             std::vector<std::string> flags = {}) {
    flags.insert(flags.begin(), {"--strace=" + file});
    return result_unvalidated(code, std::move(flags));
}

// ── what a trace holds ──

TEST(Strace, BeginsWithTheProgramsFirstLine) {
    const Scratch scratch;
    const std::string trace = scratch.path() + "/trace";
    const Answer answer = run_traced(kOpens, trace, {"--strace-opts", "-e trace=openat"});
    EXPECT_EQ(answer.exit_code, 0) << answer.err;
    EXPECT_THAT(answer.err, Not(HasSubstr("strace")));
    EXPECT_THAT(opened_in(trace), ElementsAre("/tmp/first", "/nonexistent/second", "/tmp/third"));
    EXPECT_EQ(processes_in(trace).size(), 2U);
    EXPECT_THAT(read_file(trace, kEnough), HasSubstr("+++ exited with 7 +++"));
}

TEST(Strace, SeesTheGateOpenBeforeEverythingElse) {
    const Scratch scratch;
    const std::string trace = scratch.path() + "/trace";
    ASSERT_EQ(run_traced("import os; os.getppid()", trace).exit_code, 0);
    const auto lines = lines_in(trace);
    ASSERT_GE(lines.size(), 3U);
    EXPECT_THAT(lines[0], HasSubstr("read(4, \"vitrine: here it starts\\n\", 24)"));
    EXPECT_THAT(lines[1], HasSubstr("close(4)"));
    EXPECT_THAT(lines[2], HasSubstr("getppid()"));
}

TEST(Strace, TracesAProgramUnderAPolicy) {
    const Scratch scratch;
    const std::string trace = scratch.path() + "/trace";
    const Answer answer = run_code("print(6 * 7)", {"--strace=" + trace});
    EXPECT_EQ(answer.out, "42\n");
    EXPECT_THAT(lines_in(trace)[2], HasSubstr("write(1, \"42\\n\", 3)"));
}

TEST(Strace, ShowsWhatTheFilterDenies) {
    const Scratch scratch;
    const std::string trace = scratch.path() + "/trace";
    constexpr const char* kMounts = R"(
import ctypes, vitrine
libc = ctypes.CDLL(None, use_errno=True)
libc.mount(b"none", b"/tmp", b"tmpfs", 0, None)
vitrine.result(ctypes.get_errno())
)";
    const auto result = result_traced(kMounts, trace, {"--strace-opts", "-e trace=mount"});
    EXPECT_EQ(result["value"], EPERM);
    EXPECT_THAT(read_file(trace, kEnough),
                HasSubstr("mount(\"none\", \"/tmp\", \"tmpfs\", 0, NULL) = -1 EPERM"));
}

TEST(Strace, WritesToStderrWithoutAFile) {
    const Answer answer =
        run_code(kOpens, {"--no-validate", "--strace", "--strace-opts", "-e trace=openat"});
    EXPECT_EQ(answer.exit_code, 0);
    EXPECT_THAT(answer.err, HasSubstr("openat(AT_FDCWD, \"/nonexistent/second\", "));
    EXPECT_EQ(answer.out, "");
}

TEST(Strace, WritesToWhateverBashNamesAFile) {
    const Scratch scratch;
    const std::string found = scratch.path() + "/found";
    const std::string command =
        concat(vitrine_path(), " run -q --no-validate --strace=>(grep getppid >", found, "; touch ",
               found, ".done) -c 'import os; os.getppid()'; while [ ! -e ", found,
               ".done ]; do sleep 0.01; done");
    const Answer answer = run_program("/bin/bash", {.arguments = {"-c", command}});
    EXPECT_EQ(answer.exit_code, 0) << answer.err;
    EXPECT_THAT(read_file(found, kEnough), HasSubstr("getppid()"));
}

TEST(Strace, TakesItsOptionsAsAShellWould) {
    const Scratch scratch;
    const std::string trace = scratch.path() + "/trace";
    const Answer answer =
        run_traced(kOpens, trace, {"--strace-opts", R"(-e "trace=openat" -T  -e 'status=failed')"});
    EXPECT_EQ(answer.exit_code, 0) << answer.err;
    EXPECT_THAT(opened_in(trace), ElementsAre("/nonexistent/second"));
    EXPECT_TRUE(std::regex_search(read_file(trace, kEnough), std::regex("ENOENT.* <[0-9.]+>\n")));
}

TEST(Strace, SumsUpWithMinusC) {
    const Scratch scratch;
    const std::string trace = scratch.path() + "/trace";
    ASSERT_EQ(run_traced(kOpens, trace, {"--strace-opts", "-c"}).exit_code, 0);
    EXPECT_THAT(read_file(trace, kEnough), HasSubstr("openat\n"));
}

TEST(Strace, LeavesARefusedProgramAlone) {
    const Scratch scratch;
    const std::string trace = scratch.path() + "/trace";
    EXPECT_EQ(run_code("import os", {"--strace=" + trace}).exit_code, 126);
    EXPECT_THAT(read_file(trace, kEnough), IsEmpty());
    const Answer unparsable = run_traced("def f(:", trace);
    EXPECT_EQ(unparsable.exit_code, 1);
    EXPECT_THAT(unparsable.err, HasSubstr("SyntaxError"));
}

TEST(Strace, SaysWhenItsTraceIsNotWhole) {
    const Answer full = run_traced("print('x')", "/dev/full");
    EXPECT_EQ(full.exit_code, 0);
    EXPECT_THAT(full.err, HasSubstr("strace could not write all of the trace: strace: /dev/full"));
    const Scratch scratch;
    const FakeStrace leaves("(sleep 1; kill $$) & exec /usr/bin/strace \"$@\"\n");
    const Answer left =
        run_vitrine({.arguments = {"run", "--no-validate", "--strace=" + scratch.path() + "/trace",
                                   "-c", "import time; time.sleep(2); print('on')"},
                     .environment = leaves.environment()});
    EXPECT_EQ(left.exit_code, 0);
    EXPECT_EQ(left.out, "on\n");
    EXPECT_THAT(left.err, HasSubstr("the trace "));
}

// ── what a traced job still cannot ──

TEST(Strace, LeavesTheJobsLayersInForce) {
    const Scratch scratch;
    const std::string code = R"(
import ctypes, os, vitrine
libc = ctypes.CDLL(None, use_errno=True)
def traceme():
    ctypes.set_errno(0)
    return ctypes.get_errno() if libc.ptrace(0, 0, None, None) < 0 else 0
status = dict(line.split(":\t") for line in open("/proc/self/status").read().splitlines())
vitrine.result({"seccomp": status["Seccomp"], "no_new_privs": status["NoNewPrivs"],
                "capabilities": status["CapEff"], "descriptors": len(os.listdir("/proc/self/fd")),
                "traceme": traceme()})
)";
    auto traced = result_traced(code, scratch.path() + "/trace")["value"];
    auto plain = result_unvalidated(code)["value"];
    // A process has one tracer.
    EXPECT_EQ(traced["traceme"], EPERM);
    EXPECT_EQ(plain["traceme"], 0);
    traced.erase("traceme");
    plain.erase("traceme");
    EXPECT_EQ(traced, plain);
}

TEST(Strace, DoesNotCountAsTheJobsProcess) {
    const Scratch scratch;
    const auto result = result_traced("import os; os.fork(); os._exit(0)",
                                      scratch.path() + "/trace", {"--pids-limit", "2"});
    EXPECT_EQ(result["status"], "exited");
    EXPECT_EQ(result["exit_code"], 0);
}

TEST(Strace, EndsWithAJobThatForksForever) {
    const Scratch scratch;
    const std::string code = R"(
import os
while True:
    try:
        if os.fork() == 0:
            continue
    except OSError:
        pass
)";
    const auto result = result_traced(code, scratch.path() + "/trace",
                                      {"--timeout", "1s", "--strace-opts", "-e trace=none"});
    EXPECT_EQ(result["status"], "timeout");
    EXPECT_LT(result["timings_us"]["teardown"], 20'000'000);
}

TEST(Strace, EndsWithAJobThatHidesAChildFromIt) {
    const Scratch scratch;
    const std::string code = R"(
import ctypes, os, time
libc = ctypes.CDLL(None, use_errno=True)
CLONE_UNTRACED, SIGCHLD = 0x00800000, 17
child = libc.syscall(56, CLONE_UNTRACED | SIGCHLD, 0, 0, 0, 0)
if child == 0:
    libc.ptrace(0x4206, os.getppid(), None, None)
    time.sleep(100)
print("hidden", child > 0)
)";
    const auto result = result_traced(code, scratch.path() + "/trace", {"--timeout", "20s"});
    EXPECT_EQ(result["status"], "exited") << result;
    EXPECT_EQ(result["stdout"]["text"], "hidden True\n");
}

// ── time ──

TEST(Strace, IsWaitedForOutsideTheJobsTime) {
    const Scratch scratch;
    const FakeStrace slow("sleep 2; exec /usr/bin/strace \"$@\"\n");
    const Answer answer =
        run_vitrine({.arguments = {"run", "--result", "-", "--timeout", "1s",
                                   "--strace=" + scratch.path() + "/trace", "-c", "print('x')"},
                     .environment = slow.environment()});
    const auto result = answer.result();
    EXPECT_EQ(result["status"], "exited") << result;
    EXPECT_GE(result["timings_us"].value("held", 0), 2'000'000);
    EXPECT_LT(result["timings_us"]["run"], 1'000'000);
    EXPECT_LT(result["usage"]["wall_ms"], 1000);
}

TEST(Strace, DoesNotKeepAJobFromItsTimeLimit) {
    const Scratch scratch;
    const auto result = result_traced("while True: open('/dev/null').close()",
                                      scratch.path() + "/trace", {"--timeout", "1s"});
    EXPECT_EQ(result["status"], "timeout");
    EXPECT_EQ(result["limit"]["name"], "timeout");
    EXPECT_THAT(read_file(scratch.path() + "/trace", kEnough), HasSubstr("killed by SIGKILL"));
}

// ── a strace that is not as it should be ──

TEST(Strace, ThatEndsEarlyIsTheRunsError) {
    const Scratch scratch;
    const FakeStrace broken("echo 'strace: it is broken' >&2; exit 3\n");
    const Answer answer =
        run_vitrine({.arguments = {"run", "--result", "-", "--strace=" + scratch.path() + "/trace",
                                   "-c", "print('x')"},
                     .environment = broken.environment()});
    EXPECT_EQ(answer.exit_code, 125);
    const auto result = answer.result();
    EXPECT_EQ(result["status"], "setup_error");
    EXPECT_EQ(result["error"]["step"], "attach-tracer");
    EXPECT_THAT(std::string(result["error"]["message"]),
                HasSubstr("(exit code 3: strace: it is broken)"));
    EXPECT_EQ(result["stdout"]["text"], "");
}

TEST(Strace, ThatNeverAttachesEndsWithTheRun) {
    const Scratch scratch;
    const FakeStrace idle("exec sleep 1000\n");
    const Answer answer = run_program(
        "/usr/bin/timeout", {.arguments = {"-s", "INT", "3", vitrine_path(), "run",
                                           "--strace=" + scratch.path() + "/trace", "-c", "1"},
                             .environment = idle.environment(),
                             .patience = 30s});
    EXPECT_THAT(answer.err, Not(HasSubstr("strace")));
    EXPECT_EQ(answer.exit_code, 124);  // Of timeout(1): it was in time.
}

/// Who traces the job, once somebody does.
pid_t tracer_of(pid_t payload) {
    for (int i = 0; i < 2000; ++i) {
        const std::string status = read_file(concat("/proc/", payload, "/status"), 65536);
        const std::size_t at = status.find("TracerPid:");
        const int tracer = std::atoi(status.c_str() + at + 10);
        if (tracer != 0) return tracer;
        std::this_thread::sleep_for(10ms);
    }
    return 0;
}

TEST(Strace, ThatIsKilledLetsTheJobGoOn) {
    const Scratch scratch;
    const std::string trace = scratch.path() + "/trace";
    const RunningJob job =
        start_job("import time\nprint('started', flush=True)\ntime.sleep(2)\nprint('ended')",
                  {"--strace=" + trace, "--result", scratch.path() + "/result"});
    ASSERT_TRUE(await_line(job));
    ::kill(tracer_of(job.payload), SIGKILL);
    EXPECT_EQ(await_end(job), 0);
    const auto result = nlohmann::json::parse(read_file(scratch.path() + "/result", kEnough));
    EXPECT_EQ(result["stdout"]["text"], "started\nended\n");
}

TEST(Strace, ThatStandsStillIsKilledSomeTimeAfterTheJob) {
    const Scratch scratch;
    const RunningJob job = start_job("import time\nprint('x', flush=True)\ntime.sleep(1000)",
                                     {"--strace=" + scratch.path() + "/trace", "--timeout", "2s"});
    ASSERT_TRUE(await_line(job));
    const pid_t tracer = tracer_of(job.payload);
    ::kill(tracer, SIGSTOP);
    EXPECT_EQ(await_end(job), 124);
    EXPECT_FALSE(exists(tracer));
    EXPECT_FALSE(exists(job.payload));
}

TEST(Strace, EndsWithItsSupervisor) {
    const Scratch scratch;
    const RunningJob job = start_job("import time\nprint('x', flush=True)\ntime.sleep(1000)",
                                     {"--strace=" + scratch.path() + "/trace"});
    ASSERT_TRUE(await_line(job));
    const pid_t tracer = tracer_of(job.payload);
    ASSERT_NE(tracer, 0);
    ::kill(job.supervisor, SIGKILL);
    EXPECT_EQ(await_end(job), 128 + SIGKILL);
    EXPECT_TRUE(vanishes(job.payload));
    EXPECT_TRUE(vanishes(tracer));
}

// ── wrong usage ──

struct Refusal {
    std::vector<std::string> flags;
    std::string message;
};

TEST(Strace, RefusesWhatItCannotDoBeforeAnythingRuns) {
    const std::vector<Refusal> refusals{
        {{"--strace", "--strace-opts", "-e trace=nonesuch"}, "invalid system call 'nonesuch'"},
        {{"--strace", "--strace-opts", "--nonesuch"}, "strace does not take these options"},
        {{"--strace", "--strace-opts", "-o file"}, "use --strace=FILE"},
        {{"--strace", "--strace-opts", "-p 1"}, "vitrine attaches"},
        {{"--strace", "--strace-opts", "-D"}, "would leave it"},
        {{"--strace", "--strace-opts", "-fp1"}, "vitrine attaches"},
        {{"--strace", "--strace-opts", "true"}, "more than options"},
        {{"--strace", "--strace-opts", "-h"}, "more than options"},
        {{"--strace", "--strace-opts", "-e 'trace"}, "is not closed"},
        {{"--strace-opts", "-T"}, "--strace-opts needs --strace"},
        {{"--strace", "--wait-for-debugger"}, "exclude each other"},
        {{"--strace", "--repeat", "3"}, "vitrine batch --strace DIR"},
        {{"--strace=/nonexistent/trace"}, "opening '/nonexistent/trace'"},
        {{"--strace=script.py"}, "the name of a Python script"},
    };
    for (const Refusal& refusal : refusals) {
        const Answer answer = run_code("print('it ran')", refusal.flags);
        EXPECT_EQ(answer.exit_code, 125) << refusal.message;
        EXPECT_EQ(answer.out, "") << refusal.message;
        EXPECT_THAT(answer.err, HasSubstr(refusal.message));
    }
}

TEST(Strace, ThatIsNotThereIsNamedWithItsPackage) {
    const Scratch empty;
    const Answer answer =
        run_vitrine({.arguments = {"run", "--strace", "--result", "-", "-c", "print('x')"},
                     .environment = {{"PATH", empty.path()}}});
    EXPECT_EQ(answer.exit_code, 125);
    EXPECT_THAT(answer.err, HasSubstr("apt-get install strace"));
    EXPECT_EQ(answer.result()["error"]["cause"], "no-strace");
}

// ── batches ──

class TracedBatch : public testing::TestWithParam<bool> {
  protected:
    std::vector<std::string> flags(std::vector<std::string> more) const {
        more.insert(more.begin(), {"--no-validate", "--strace", traces_, "--jobs", "2"});
        if (GetParam()) more.emplace_back("--cold");
        return more;
    }
    std::string trace_of(const std::string& name) const {
        return concat(traces_, "/", name, ".strace");
    }

    Scratch scratch_;
    std::string traces_ = scratch_.path() + "/made/traces";
};

TEST_P(TracedBatch, HasATraceOfEachJobAlone) {
    std::vector<nlohmann::json> jobs;
    for (int i = 0; i < 6; ++i) {
        jobs.push_back({{"id", concat("job-", i)},
                        {"source", concat("import os\n"
                                          "os.close(os.open('/tmp/",
                                          i, "', os.O_CREAT))\n")}});
    }
    const Answer answer = batch(lines_of(jobs), flags({"--strace-opts", "-e trace=openat"}));
    EXPECT_EQ(answer.exit_code, 0) << answer.err;
    for (const auto& [id, result] : results_by_id(answer.out))
        EXPECT_EQ(result["exit_code"], 0) << result;
    for (int i = 0; i < 6; ++i)
        EXPECT_THAT(opened_in(trace_of(concat("job-", i))), ElementsAre(concat("/tmp/", i)));
}

TEST_P(TracedBatch, FollowsChildrenAndStartsAtTheGate) {
    const Answer answer = batch(lines_of({{{"id", "only"}, {"source", kOpens}}}), flags({}));
    EXPECT_EQ(answer.exit_code, 0) << answer.err;
    EXPECT_THAT(opened_in(trace_of("only")),
                ElementsAre("/tmp/first", "/nonexistent/second", "/tmp/third"));
    EXPECT_EQ(processes_in(trace_of("only")).size(), 2U);
    EXPECT_THAT(lines_in(trace_of("only"))[0], HasSubstr("vitrine: here it starts"));
}

TEST_P(TracedBatch, NamesItsFilesSafely) {
    const std::string script = "import os\nos.getppid()\n";
    std::filesystem::create_directories(scratch_.path() + "/scripts/a");
    scratch_.write("scripts/a/b.py", script);
    scratch_.write("scripts/a_b.py", script);
    const Answer answer = run_vitrine({.arguments = [&] {
        auto words = flags({"--ordered", scratch_.path() + "/scripts"});
        words.insert(words.begin(), "batch");
        return words;
    }()});
    EXPECT_EQ(answer.exit_code, 0) << answer.err;
    EXPECT_THAT(read_file(trace_of("a_b.py"), kEnough), HasSubstr("getppid"));
    EXPECT_THAT(read_file(trace_of("a_b.py-2"), kEnough), HasSubstr("getppid"));
}

TEST_P(TracedBatch, EndsWithJobsThatForkAndDie) {
    const std::string forks = R"(
import os
for _ in range(10):
    if os.fork() == 0:
        if os.fork() == 0:
            os._exit(0)
        os._exit(0)
)";
    const std::string signals = "import os, signal\nos.fork()\nos.kill(0, signal.SIGKILL)\n";
    std::vector<nlohmann::json> jobs;
    for (int i = 0; i < 20; ++i) {
        jobs.push_back({{"id", std::to_string(i)}, {"source", i % 2 == 0 ? forks : signals}});
    }
    const Answer answer = batch(lines_of(jobs), flags({"--strace-opts", "-e trace=clone"}));
    EXPECT_EQ(answer.exit_code, 0) << answer.err;
    EXPECT_EQ(results_in(answer.out).size(), 20U);
    EXPECT_THAT(answer.err, Not(HasSubstr("strace")));
    for (const auto& result : results_in(answer.out)) {
        const bool is_even = std::stoi(std::string(result["id"])) % 2 == 0;
        EXPECT_EQ(result["status"], is_even ? "exited" : "signaled") << result;
    }
}

INSTANTIATE_TEST_SUITE_P(WarmAndCold, TracedBatch, testing::Bool(),
                         [](const auto& one) { return one.param ? "Cold" : "Warm"; });

// ── all of vitrine under strace ──

TEST(Strace, OfAllOfVitrineWorksAsItIs) {
    const Scratch scratch;
    const std::string trace = scratch.path() + "/trace";
    const Answer answer = run_program(
        "/usr/bin/strace",
        {.arguments = {"-f", "-o", trace, vitrine_path(), "run", "-c", "print('under it')"}});
    EXPECT_EQ(answer.exit_code, 0) << answer.err;
    EXPECT_EQ(answer.out, "under it\n");
    const std::string text = read_file(trace, kEnough);
    // Another process's call may come between a call and its end.
    EXPECT_TRUE(text.contains("write(1, \"under it\\n\", 9"));
    EXPECT_TRUE(text.contains("pivot_root("));
}

TEST(Strace, UnderStraceSaysThatThereIsATracerAlready) {
    const Scratch scratch;
    const Answer answer = run_program(
        "/usr/bin/strace", {.arguments = {"-f", "-o", "/dev/null", vitrine_path(), "run",
                                          "--strace=" + scratch.path() + "/trace", "-c", "1"}});
    EXPECT_EQ(answer.exit_code, 125);
    EXPECT_THAT(answer.err, HasSubstr("Operation not permitted"));
}

}  // namespace
}  // namespace vitrine::test
