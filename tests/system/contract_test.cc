// The command line as its users and their scripts rely on it.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/error.h"
#include "base/file.h"
#include "support/scratch.h"
#include "support/vitrine_program.h"

namespace vitrine::test {
namespace {

using Json = nlohmann::json;

Answer run(std::vector<std::string> arguments, std::string input = {}) {
    arguments.insert(arguments.begin(), "run");
    return run_vitrine({.arguments = std::move(arguments), .input = std::move(input)});
}

TEST(Contract, StdoutIsTheProgramsAlone) {
    const Answer answer = run_code("print('out')\nimport sys\nsys.stderr.write('err\\n')");
    EXPECT_EQ(answer.exit_code, 0);
    EXPECT_EQ(answer.out, "out\n");
    EXPECT_NE(answer.err.find("err\n"), std::string::npos);
}

TEST(Contract, TheProgramsExitCodeIsOurs) {
    for (const int code : {0, 1, 3, 124, 125, 126, 127, 255}) {
        EXPECT_EQ(run_code(concat("raise SystemExit(", code, ")")).exit_code, code);
    }
    EXPECT_EQ(run_code("raise ValueError('x')").exit_code, 1);
    EXPECT_EQ(run_code("raise SystemExit('a message')").exit_code, 1);
    EXPECT_EQ(run_code("import sys\nsys.exit()").exit_code, 0);
}

TEST(Contract, ReadsTheSourceFromAFileStdinOrTheCommandLine) {
    const Scratch scratch;
    const std::string script =
        scratch.write("script.py", "import sys\nprint(sys.argv[1:], __name__)");
    EXPECT_EQ(run({script, "a", "--timeout", "-x"}).out, "['a', '--timeout', '-x'] __main__\n");
    EXPECT_EQ(run({"-", "b"}, "import sys\nprint(sys.argv)").out, "['-', 'b']\n");
    EXPECT_EQ(run({"-c", "import sys; print(sys.argv)", "c"}).out, "['-c', 'c']\n");
    EXPECT_EQ(run({"--", script, "d"}).out, "['d'] __main__\n");
    EXPECT_EQ(run({"-c", "import sys; print(sys.argv)", "--", "-x"}).out, "['-c', '-x']\n");
}

TEST(Contract, FlagsAreWrittenEitherWay) {
    EXPECT_EQ(run({"--timeout=5s", "--memory=512M", "-c", "print(1)"}).out, "1\n");
    EXPECT_EQ(run({"--timeout", "5", "-m", "512m", "-c", "print(1)"}).out, "1\n");
}

TEST(Contract, TimeLimitsEndIn124) {
    const Answer answer = run({"--timeout", "300ms", "--result", "-", "-c", "while True: pass"});
    EXPECT_EQ(answer.exit_code, 124);
    EXPECT_EQ(answer.result()["status"], "timeout");
    EXPECT_EQ(answer.result()["limit"]["value"], 300000000);
    const Answer cpu = run({"--cpu-time", "200ms", "-c", "while True: pass"});
    EXPECT_EQ(cpu.exit_code, 124);
    EXPECT_NE(cpu.err.find("--cpu-time"), std::string::npos);
}

TEST(Contract, TheResultGoesWhereItIsSent) {
    const Scratch scratch;
    const std::string path = scratch.path() + "/result.json";
    const Answer answer = run({"--result", path, "--id", "mine", "-c", "print('out')"});
    EXPECT_EQ(answer.out, "out\n");
    const Json result = Json::parse(read_file(path, 1 << 20));
    EXPECT_EQ(result["id"], "mine");
    EXPECT_EQ(result["stdout"]["text"], "out\n");
    const Answer alone = run({"--result", "-", "-c", "print('out')"});
    EXPECT_EQ(alone.result()["stdout"]["text"], "out\n");
    EXPECT_EQ(std::ranges::count(alone.out, '\n'), 1);
}

TEST(Contract, ValuesComeBack) {
    EXPECT_EQ(result_of("import vitrine\nvitrine.result({'a': [1, 2.5, None]})")["value"],
              (Json{{"a", {1, 2.5, nullptr}}}));
    const std::string function = "def f(a, b=10, *rest, **named):\n    return [a, b, rest, named]";
    EXPECT_EQ(result_of(function, {"--entry", "f", "--args", "[1, 2, 3]"})["value"],
              Json::parse("[1, 2, [3], {}]"));
    EXPECT_EQ(result_of(function, {"--entry", "f", "--args", R"({"a": 1, "c": 2})"})["value"],
              Json::parse(R"([1, 10, [], {"c": 2}])"));
    const Json missing = result_of("x = 1", {"--entry", "f"});
    EXPECT_EQ(missing["exit_code"], 1);
    EXPECT_EQ(missing["exception"]["type"], "TypeError");
}

TEST(Contract, UncaughtExceptionsAreDescribedAndShown) {
    const Scratch scratch;
    const std::string script =
        scratch.write("script.py", "def f():\n    raise ValueError('bad')\n\nf()\n");
    const Json result = run({"--result", "-", script}).result();
    EXPECT_EQ(result["exit_code"], 1);
    EXPECT_EQ(result["exception"]["type"], "ValueError");
    EXPECT_EQ(result["exception"]["message"], "bad");
    EXPECT_EQ(result["exception"]["line"], 2);
    const std::string trace = result["stderr"]["text"];
    EXPECT_NE(trace.find("Traceback (most recent call last):"), std::string::npos);
    EXPECT_NE(trace.find("raise ValueError('bad')"), std::string::npos) << trace;
}

TEST(Contract, StdinIsNothingUnlessGiven) {
    const Scratch scratch;
    const std::string data = scratch.write("data", "line 1\nline 2\n");
    const std::string code = "import sys\nprint(repr(sys.stdin.read()))";
    EXPECT_EQ(run({"-c", code}, "the caller's").out, "''\n");
    EXPECT_EQ(run({"--stdin", data, "-c", code}).out, "'line 1\\nline 2\\n'\n");
    EXPECT_EQ(run({"--stdin", "-", "-c", code}, "ours").out, "'ours'\n");
    EXPECT_EQ(run({"--stdin", "-", "-c", "print(1)"}, std::string(1 << 20, 'x')).exit_code, 0);
}

TEST(Contract, StreamsThatAreClosedTakeNothing) {
    const Scratch scratch;
    const std::string result = scratch.path() + "/result.json";
    for (const char* closed : {">&-", "2>&-", "<&- >&- 2>&-", "1</dev/null"}) {
        const Answer answer = run_program(
            "/bin/sh", {.arguments = {"-c", concat("exec \"$@\" ", closed), "sh", vitrine_path(),
                                      "run", "--result", result, "-c", "print('said')"}});
        EXPECT_EQ(answer.exit_code, 0) << closed << answer.err;
        std::ifstream file(result);
        EXPECT_EQ(Json::parse(file)["stdout"]["text"], "said\n") << closed;
    }
}

TEST(Contract, TheEnvironmentIsWhatWasAskedFor) {
    const Scratch scratch;
    const std::string file = scratch.write("env", "# comment\nA=1\n\nB=two words\n");
    const std::string code =
        "import os\nprint(os.environ['A'], os.environ['B'], os.environ['HOME'])";
    EXPECT_EQ(run({"--no-validate", "--env-file", file, "-e", "A=3", "-c", code}).out,
              "3 two words /tmp\n");
}

TEST(Contract, PlacesAndNamesAreTheCallers) {
    const std::string code = "import os, socket\nprint(os.getcwd(), socket.gethostname())";
    EXPECT_EQ(run({"--no-validate", "-c", code}).out, "/tmp vitrine\n");
    EXPECT_EQ(run({"--no-validate", "-w", "/usr", "--hostname", "box", "-c", code}).out,
              "/usr box\n");
}

TEST(Contract, ThreadCountsFollowTheLimits) {
    const std::string code = "import os\nprint(os.environ['OMP_NUM_THREADS'])";
    EXPECT_EQ(run({"--no-validate", "--cpus", "3", "-c", code}).out, "3\n");
    EXPECT_EQ(run({"--no-validate", "--cpus", "0.5", "-c", code}).out, "1\n");
}

TEST(Contract, EventsGoToTheStatusDescriptor) {
    const Scratch scratch;
    const std::string path = scratch.path() + "/events";
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT, 0600);
    const Answer answer =
        run({"--json-status-fd", std::to_string(fd), "-c", "raise SystemExit(7)"});
    ::close(fd);
    EXPECT_EQ(answer.exit_code, 7);
    std::istringstream events(read_file(path, 4096));
    std::string line;
    std::getline(events, line);
    EXPECT_GT(Json::parse(line)["child-pid"], 1);
    std::getline(events, line);
    EXPECT_EQ(Json::parse(line)["exit-code"], 7);
}

TEST(Contract, LogsAreTextOrJsonAndOnStderr) {
    const Answer text = run({"--verbose", "-c", "pass"});
    EXPECT_EQ(text.out, "");
    EXPECT_NE(text.err.find("the run starts"), std::string::npos);
    const Answer json = run({"--verbose", "--log-format", "json", "-c", "pass"});
    std::istringstream lines(json.err);
    for (std::string line; std::getline(lines, line);) {
        EXPECT_TRUE(Json::parse(line).contains("level")) << line;
    }
    EXPECT_EQ(run({"-q", "-c", "pass"}).err, "");
}

TEST(Contract, HelpIsForEveryVerbWithExamples) {
    for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
             {"--help"}, {"run", "--help"}, {"rootfs", "--help"}, {"rootfs", "build", "--help"}}) {
        const Answer answer = run_vitrine({.arguments = words});
        EXPECT_EQ(answer.exit_code, 0);
        EXPECT_NE(answer.out.find("Examples:"), std::string::npos) << words[0];
        EXPECT_EQ(answer.err, "");
    }
    EXPECT_NE(run_vitrine({.arguments = {"--version"}}).out.find("vitrine 0."), std::string::npos);
}

TEST(Contract, RefusedProgramsEndIn126AndNeverRun) {
    const Answer answer = run({"--result", "-", "-c", "print('ran')\nimport os\n"});
    EXPECT_EQ(answer.exit_code, 126);
    const Json result = answer.result();
    EXPECT_EQ(result["status"], "rejected");
    EXPECT_EQ(result["stdout"]["text"], "");
    ASSERT_EQ(result["findings"].size(), 1U);
    EXPECT_EQ(result["findings"][0]["rule"], "import-not-allowed");
    EXPECT_EQ(result["findings"][0]["line"], 2);
    EXPECT_NE(answer.err.find("<string>:2:8: "), std::string::npos) << answer.err;
    EXPECT_EQ(run({"--no-validate", "-c", "import os\nprint('ran')"}).out, "ran\n");
    EXPECT_EQ(run({"--policy", "off", "-c", "import os\nprint('ran')"}).out, "ran\n");
    EXPECT_EQ(run({"--policy", "algorithms", "-c", "import numpy"}).exit_code, 126);
}

TEST(Contract, ExitHandlersThreadsAndFinalizersRun) {
    const Answer answer = run({"--no-validate", "-c", R"(
import atexit, threading, time
class Last:
    def __del__(self):
        print("finalized")
keep = Last()
keep.itself = keep
atexit.register(print, "atexit")
threading.Thread(target=lambda: (time.sleep(0.1), print("thread"))).start()
print("end")
)"});
    EXPECT_EQ(answer.out, "end\nthread\natexit\nfinalized\n");
}

TEST(Contract, MeasuresTellWhatHappened) {
    const Json result = result_of("sum(range(3000000))");
    EXPECT_GT(result["usage"]["wall_ms"], 0);
    EXPECT_GT(result["usage"]["cpu_user_ms"], 0);
    EXPECT_GT(result["usage"]["memory_peak_bytes"], 1000000);
    const auto& timings = result["timings_us"];
    for (const char* name :
         {"prepare", "fork", "enter", "seccomp", "validate", "run", "teardown"}) {
        EXPECT_GT(timings[name], 0) << name;
        EXPECT_LE(timings[name], timings["total"]) << name;
    }
}

}  // namespace
}  // namespace vitrine::test
