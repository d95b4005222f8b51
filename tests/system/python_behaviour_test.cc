// A program ends, fails and prints inside as it does under python3.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <sstream>

#include "base/error.h"
#include "base/file.h"
#include "support/scratch.h"
#include "support/vitrine_program.h"

namespace vitrine::test {
namespace {

constexpr std::size_t kMaxOutput = 1 << 20;

/// CPython's own printer quotes lines of files only, and inside there is no file of the program.
std::string without_quoted_lines(const std::string& text) {
    std::istringstream lines(text);
    std::string kept;
    for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with("    ")) kept += concat(line, "\n");
    }
    return kept;
}

/// What the host's own Python makes of it.
Answer run_outside(const Scratch& scratch, const std::string& script) {
    const std::string out = scratch.path() + "/out";
    const std::string err = scratch.path() + "/err";
    const std::string command =
        concat("timeout 60 ", VITRINE_PYTHON, " -I ", script, " > ", out, " 2> ", err);
    const int status = std::system(command.c_str());  // NOLINT(cert-env33-c): a fixed command.
    return {.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
            .out = read_file(out, kMaxOutput),
            .err = read_file(err, kMaxOutput)};
}

/// `out` is there to show that the program did what it is for.
void expect_as_outside(const std::string& source, int exit_code, const std::string& out) {
    const Scratch scratch;
    const std::string script = scratch.write("script.py", source);
    const Answer outside = run_outside(scratch, script);
    EXPECT_EQ(outside.exit_code, exit_code);
    EXPECT_EQ(outside.out, out);
    const Answer inside = run_vitrine({.arguments = {"run", "-q", "--no-validate", script}});
    EXPECT_EQ(inside.exit_code, outside.exit_code);
    EXPECT_EQ(inside.out, outside.out);
    EXPECT_EQ(without_quoted_lines(inside.err), without_quoted_lines(outside.err));
}

constexpr const char* kDestroyed =
    "def helper(): return 5\n"
    "class A:\n"
    "    def __del__(self): print('del', helper(), __name__)\n"
    "a = A()\n";

TEST(PythonBehaviour, DestructorsAndGeneratorsFindTheirNames) {
    expect_as_outside(concat(kDestroyed,
                             "def g():\n"
                             "    try: yield 1\n"
                             "    finally: print('finally', helper())\n"
                             "x = g()\n"
                             "next(x)\n"),
                      0, "del 5 __main__\nfinally 5\n");
}

TEST(PythonBehaviour, WhatOutlivesMainIsDestroyedToo) {
    expect_as_outside(concat(kDestroyed,
                             "import signal\n"
                             "signal.signal(signal.SIGALRM, lambda *_: helper())\n"),
                      0, "del 5 __main__\n");
    expect_as_outside(concat(kDestroyed, "import typing\nT = typing.List[A]\n"), 0,
                      "del 5 __main__\n");
}

TEST(PythonBehaviour, DaemonThreadsStopWithoutAWord) {
    expect_as_outside(
        "import threading, time\n"
        "def helper(): return 1\n"
        "class Slow:\n"
        "    def __del__(self, sleep=time.sleep): sleep(0.1)\n"
        "slow = Slow()\n"
        "def work():\n"
        "    while True:\n"
        "        for i in range(100): helper()\n"
        "        time.sleep(0.0001)\n"
        "for i in range(8): threading.Thread(target=work, daemon=True).start()\n"
        "time.sleep(0.05)\n"
        "print('end')\n",
        0, "end\n");
}

TEST(PythonBehaviour, StreamsMayBeClosedReplacedOrRewrapped) {
    expect_as_outside("import sys\nprint('x')\nsys.stdout.close()\n", 0, "x\n");
    expect_as_outside(concat("import sys, io\nsys.stdout = io.StringIO()\n", kDestroyed), 0,
                      "del 5 __main__\n");
    expect_as_outside(
        "import sys, io\n"
        "sys.stdout = io.TextIOWrapper(sys.stdout.detach(), encoding='utf-8')\n"
        "print('hi')\n",
        0, "hi\n");
}

TEST(PythonBehaviour, AFailingFlushIsSaid) {
    expect_as_outside(
        "import sys\n"
        "class Out:\n"
        "    def __repr__(self): return 'Out'\n"
        "    def flush(self): raise OSError('full')\n"
        "sys.stdout = Out()\n"
        "sys.exit(3)\n",
        120, "");
}

TEST(PythonBehaviour, AnInterruptNobodyCaughtIsADeathBySignal) {
    expect_as_outside("print('x')\nraise KeyboardInterrupt\n", 130, "x\n");
    const auto result = result_unvalidated("raise KeyboardInterrupt");
    EXPECT_EQ(result["signal_name"], "SIGINT");
    EXPECT_EQ(result["exception"]["type"], "KeyboardInterrupt");
}

TEST(PythonBehaviour, TracebacksGoToStderrOrNowhere) {
    expect_as_outside("import sys\nprint('x')\nsys.stderr = None\nraise ValueError('y')\n", 1,
                      "x\n");
}

TEST(PythonBehaviour, AFailingExceptHookIsShownWithItsCause) {
    expect_as_outside(
        "import sys\n"
        "def hook(*_): raise RuntimeError('hook')\n"
        "sys.excepthook = hook\n"
        "1/0\n",
        1, "");
    expect_as_outside(
        "import sys\n"
        "def hook(*_): print('hook'); sys.exit(5)\n"
        "sys.excepthook = hook\n"
        "1/0\n",
        5, "hook\n");
}

TEST(PythonBehaviour, ExitAndQuitExist) {
    expect_as_outside("exit(3)\n", 3, "");
    expect_as_outside("print(exit)\nquit()\n", 0, "Use exit() or Ctrl-D (i.e. EOF) to exit\n");
    expect_as_outside("print(help, callable(copyright))\n", 0,
                      "Type help() for interactive help, or help(object) for help about object. "
                      "True\n");
    EXPECT_EQ(run_code("exit(3)").exit_code, 3) << "the default policy allows it as sys.exit";
}

TEST(PythonBehaviour, ExitTextIsPrintedWhole) {
    expect_as_outside("import sys\nsys.exit('a\\0b')\n", 1, "");
    expect_as_outside("import sys\nsys.stderr = None\nsys.exit('text')\n", 1, "");
}

TEST(PythonBehaviour, DeepProgramsAreCompiled) {
    std::string sum = "print(0";
    for (int i = 0; i < 2500; ++i)
        sum += "+1";
    expect_as_outside(concat(sum, ")\n"), 0, "2500\n");
    std::string branches = "x = 1399\nif x < 0: pass\n";
    for (int i = 0; i < 1400; ++i)
        branches += concat("elif x == ", i, ": print(", i, ")\n");
    expect_as_outside(branches, 0, "1399\n");
}

TEST(PythonBehaviour, MainMayBeTakenOutOfTheModules) {
    expect_as_outside("import sys\ndel sys.modules['__main__']\nprint('x')\n", 0, "x\n");
}

TEST(PythonBehaviour, UnreadVariablesAreSaid) {
    const Answer answer = run_code("print(1)", {"-e", "PYTHONHASHSEED=0", "-e", "PYTHONPATH=/x"});
    EXPECT_EQ(answer.out, "1\n");
    EXPECT_NE(answer.err.find("does not read PYTHONHASHSEED, PYTHONPATH"), std::string::npos)
        << answer.err;
    EXPECT_EQ(run_code("print(1)").err.find("does not read"), std::string::npos);
}

}  // namespace
}  // namespace vitrine::test
