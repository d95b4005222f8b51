// `vitrine shell` and `run -t`, with somebody who types.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <fstream>

#include "base/error.h"
#include "support/scratch.h"
#include "support/terminal_session.h"
#include "support/vitrine_program.h"

namespace vitrine::test {
namespace {

using testing::HasSubstr;

constexpr const char* kPrompt = "vitrine>>> ";

/// Ctrl-D at a prompt: typed before one, it would be for whoever read then.
int leave(TerminalSession& session) {
    EXPECT_TRUE(session.await(kPrompt)) << session.seen();
    session.type("\x04");
    return session.end();
}

TEST(Shell, PromptsEvaluatesAndEndsWithTheEndOfInput) {
    TerminalSession session({"shell"});
    ASSERT_TRUE(session.await(kPrompt)) << session.seen();
    EXPECT_TRUE(session.is_raw());
    session.type("6 * 7\r");
    EXPECT_TRUE(session.await("42\r\n")) << session.seen();
    session.type("for i in range(2):\r    print('line', i)\r\r");
    EXPECT_TRUE(session.await("line 1")) << session.seen();
    session.type("1 / 0\r");
    EXPECT_TRUE(session.await("ZeroDivisionError")) << session.seen();
    session.type("sorted(n for n in globals() if n[0] != '_')\r");
    EXPECT_TRUE(session.await("['i']")) << session.seen();
    EXPECT_EQ(leave(session), 0);
    EXPECT_TRUE(session.is_as_before());
}

TEST(Shell, SaysWhatItIs) {
    TerminalSession session({"shell", "--memory", "300m", "--timeout", "1h"});
    ASSERT_TRUE(session.await(kPrompt)) << session.seen();
    EXPECT_THAT(session.seen(), HasSubstr("layer 1 does not look at what is typed"));
    EXPECT_THAT(session.seen(), HasSubstr("docker-default+hardened"));
    EXPECT_THAT(session.seen(), HasSubstr("300"));
    EXPECT_LT(session.seen().find("Ctrl-D leaves"), session.seen().find(kPrompt));
    session.type("import os, sys; print(os.getuid(), sys.argv, os.environ['TERM'])\r");
    EXPECT_TRUE(session.await("1000 ['<shell>'] xterm")) << session.seen();
    session.type("raise SystemExit(9)\r");
    EXPECT_EQ(session.end(), 9);
}

TEST(Shell, EndsByExit) {
    TerminalSession session({"shell"});
    ASSERT_TRUE(session.await(kPrompt)) << session.seen();
    session.type("exit(3)\r");
    EXPECT_EQ(session.end(), 3) << session.seen();
}

TEST(Shell, InterruptsWhatRunsByCtrlC) {
    TerminalSession session({"shell"});
    ASSERT_TRUE(session.await(kPrompt)) << session.seen();
    session.type("print('go', 'es')\rwhile True: pass\r\r");
    ASSERT_TRUE(session.await("go es")) << session.seen();
    ASSERT_TRUE(session.await("vitrine... ")) << session.seen();
    ::usleep(300000);
    session.type("\x03");
    EXPECT_TRUE(session.await("KeyboardInterrupt")) << session.seen();
    session.type("'still ' + 'here'\r");
    EXPECT_TRUE(session.await("'still here'")) << session.seen();
    EXPECT_EQ(leave(session), 0);
}

TEST(Shell, HasAWindowAsLargeAsOurs) {
    TerminalSession session({"shell"});
    ASSERT_TRUE(session.await(kPrompt)) << session.seen();
    session.type("import os; tuple(os.get_terminal_size())\r");
    EXPECT_TRUE(session.await("(80, 24)")) << session.seen();
    session.type("import signal; signal.signal(signal.SIGWINCH, lambda *_: print('resized'))\r");
    EXPECT_TRUE(session.await(kPrompt)) << session.seen();
    session.resize(31, 117);
    EXPECT_TRUE(session.await("resized")) << session.seen();
    session.type("tuple(os.get_terminal_size())\r");
    EXPECT_TRUE(session.await("(117, 31)")) << session.seen();
    EXPECT_EQ(leave(session), 0);
}

TEST(Shell, ControlsJobsOfAShell) {
    TerminalSession session(
        {"shell", "--rootfs", rootfs_with_commands(), "--exec", "--", "busybox", "sh"});
    ASSERT_TRUE(session.await("$ ")) << session.seen();
    EXPECT_THAT(session.seen(), testing::Not(HasSubstr("job control turned off")));
    session.type("sleep 100\r");
    ASSERT_TRUE(session.await("sleep 100\r\n")) << session.seen();
    ::usleep(300000);
    session.type("\x1a");
    EXPECT_TRUE(session.await("Stopped")) << session.seen();
    session.type("bg; jobs\r");
    EXPECT_TRUE(session.await("Running")) << session.seen();
    session.type("fg\r");
    EXPECT_TRUE(session.await("sleep 100")) << session.seen();
    ::usleep(300000);
    session.type("\x03");
    session.type("echo co''de $?\r");
    EXPECT_TRUE(session.await("code 130")) << session.seen();
    session.type("exit 5\r");
    EXPECT_EQ(session.end(), 5);
    EXPECT_TRUE(session.is_as_before());
}

TEST(Shell, ShowsAScriptOnATerminalAndKeepsItsOutput) {
    const Scratch scratch;
    const std::string result = scratch.path() + "/result.json";
    TerminalSession session({"run", "-t", "--no-validate", "--max-output", "1k", "--result", result,
                             "-c",
                             "name = input('who? ')\nprint('x' * 5000)\nprint('hello', name)"});
    ASSERT_TRUE(session.await("who? ")) << session.seen();
    session.type("you\r");
    EXPECT_TRUE(session.await("hello you")) << session.seen();
    EXPECT_EQ(session.end(), 0);
    std::ifstream file(result);
    const auto json = nlohmann::json::parse(file);
    EXPECT_EQ(json["status"], "exited");
    EXPECT_TRUE(json["stdout"]["truncated"]);
    EXPECT_EQ(json["stdout"]["bytes_kept"], 1024);
    EXPECT_THAT(json["stdout"]["text"].get<std::string>(), HasSubstr("hello you"));
    EXPECT_EQ(json["stderr"]["bytes_total"], 0);
}

TEST(Shell, RefusesWhatMakesNoSense) {
    const auto complaint = [](std::vector<std::string> words) {
        const Answer answer = run_vitrine({.arguments = std::move(words)});
        EXPECT_EQ(answer.exit_code, 125) << answer.out;
        return answer.err;
    };
    EXPECT_THAT(complaint({"shell"}), HasSubstr("shell: stdin is not a terminal"));
    EXPECT_THAT(complaint({"run", "-t", "-c", "pass"}), HasSubstr("-t: stdin is not a terminal"));
    EXPECT_THAT(complaint({"shell", "script.py"}), HasSubstr("shell takes no script"));
    EXPECT_THAT(complaint({"shell", "--policy", "off"}), HasSubstr("does not go with --policy"));
    EXPECT_THAT(complaint({"run", "-t", "--stdin", "-", "-c", "pass"}),
                HasSubstr("-t does not go with --stdin"));
    EXPECT_THAT(complaint({"run", "-t", "--repeat", "2", "-c", "pass"}),
                HasSubstr("-t does not go with --repeat"));
    EXPECT_THAT(complaint({"run", "-t", "--result", "-", "-c", "pass"}),
                HasSubstr("does not go with --result -"));
    EXPECT_THAT(complaint({"run", "-t", "-"}), HasSubstr("both the script and the terminal"));
    const Answer help = run_vitrine({.arguments = {"shell", "--help"}});
    EXPECT_EQ(help.exit_code, 0);
    EXPECT_THAT(help.out, HasSubstr("vitrine shell [FLAGS] --exec -- CMD"));
}

}  // namespace
}  // namespace vitrine::test
