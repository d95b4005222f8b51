// A job's terminal: what it can do with it to the host, to its caller's terminal, to its caller's
// shell.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "support/scratch.h"
#include "support/terminal_session.h"
#include "support/vitrine_program.h"

namespace vitrine::test {
namespace {

using testing::HasSubstr;
using testing::Not;

std::vector<std::string> on_terminal(const std::string& code,
                                     const std::vector<std::string>& flags = {}) {
    std::vector<std::string> words{"run", "-t", "--no-validate"};
    words.insert(words.end(), flags.begin(), flags.end());
    words.insert(words.end(), {"-c", code});
    return words;
}

/// The result of a job on a terminal.
nlohmann::json terminal_result(const std::string& code) {
    const Scratch scratch;
    const std::string path = scratch.path() + "/result.json";
    TerminalSession session(on_terminal(code, {"--result", path}));
    const int exit_code = session.end();
    std::ifstream file(path);
    try {
        return nlohmann::json::parse(file);
    } catch (const nlohmann::json::exception&) {
        throw Error(concat("no result, exit code ", exit_code, ": ", session.seen()));
    }
}

TEST(Terminal, TypesNothingAndChangesNoLineDiscipline) {
    const auto result = terminal_result(R"(
import ctypes, errno, os, vitrine
libc = ctypes.CDLL(None, use_errno=True)
libc.ioctl.argtypes = [ctypes.c_int, ctypes.c_ulong, ctypes.c_void_p]
def attempt(request, fd=0):
    buffer = ctypes.create_string_buffer(64)
    ctypes.set_errno(0)
    libc.ioctl(fd, request, buffer)
    return errno.errorcode.get(ctypes.get_errno(), "DONE")
TIOCSTI, TIOCSETD, TIOCGETD, TIOCGWINSZ, TIOCCONS = 0x5412, 0x5423, 0x5424, 0x5413, 0x541D
tty = os.open("/dev/tty", os.O_RDWR)
vitrine.result({
    "sti": [attempt(TIOCSTI), attempt(TIOCSTI | 1 << 32), attempt(TIOCSTI, tty)],
    "setd": [attempt(TIOCSETD), attempt(TIOCSETD | 0xffffffff << 32)],
    "console": attempt(TIOCCONS),
    "control": [attempt(TIOCGWINSZ), attempt(TIOCGETD), attempt(TIOCGWINSZ, tty)]})
)");
    ASSERT_TRUE(result["value"].is_object()) << result;
    EXPECT_EQ(result["value"]["sti"], (nlohmann::json{"EPERM", "EPERM", "EPERM"}));
    EXPECT_EQ(result["value"]["setd"], (nlohmann::json{"EPERM", "EPERM"}));
    EXPECT_EQ(result["value"]["console"], "EPERM");
    EXPECT_EQ(result["value"]["control"], (nlohmann::json{"DONE", "DONE", "DONE"}));
}

TEST(Terminal, IsTheOnlyOneThereIs) {
    const auto result = terminal_result(R"(
import os, vitrine
def attempt(action):
    try:
        action()
        return "DONE"
    except OSError as error:
        return error.strerror
vitrine.result({
    "names": sorted(os.listdir("/dev/pts")),
    "mine": os.ttyname(0),
    "owner": os.stat("/dev/pts/0").st_uid,
    "second": [attempt(os.openpty), attempt(lambda: os.open("/dev/pts/ptmx", os.O_RDWR)),
               attempt(lambda: os.open("/dev/ptmx", os.O_RDWR))],
    "changed": [attempt(lambda: os.chmod("/dev/pts/0", 0o666)),
                attempt(lambda: os.chmod("/dev/pts/ptmx", 0o666)),
                attempt(lambda: os.utime("/dev/pts/0"))],
    "reopened": [os.isatty(os.open(path, os.O_RDWR)) for path in
                 ("/dev/pts/0", "/dev/tty", "/proc/self/fd/0", "/dev/stdin")],
    "descriptors": sorted(os.readlink(f"/proc/self/fd/{n}").split(":")[0]
                          for n in os.listdir("/proc/self/fd") if int(n) < 4),
    "session": os.getsid(0) == os.getpid() and os.tcgetpgrp(0) == os.getpgrp()})
)");
    ASSERT_TRUE(result["value"].is_object()) << result;
    const auto& value = result["value"];
    EXPECT_EQ(value["names"], (nlohmann::json{"0", "ptmx"}));  // None of the host's.
    EXPECT_EQ(value["mine"], "/dev/pts/0");
    EXPECT_EQ(value["owner"], 1000);
    for (const auto& answer : value["second"])
        EXPECT_NE(answer, "DONE") << value;
    for (const auto& answer : value["changed"])
        EXPECT_EQ(answer, "Read-only file system");
    EXPECT_EQ(value["reopened"], (nlohmann::json{true, true, true, true}));
    // No master: it could type, and read what the caller types.
    EXPECT_EQ(value["descriptors"],
              (nlohmann::json{"/dev/pts/0", "/dev/pts/0", "/dev/pts/0", "socket"}));
    EXPECT_EQ(value["session"], true);
}

TEST(Terminal, IsTheJobsToSpoilForItselfAlone) {
    const auto exclusive = terminal_result(
        "import fcntl, termios\nfcntl.ioctl(0, termios.TIOCEXCL)\nraise SystemExit(4)");
    EXPECT_EQ(exclusive["status"], "exited") << exclusive;
    EXPECT_EQ(exclusive["exit_code"], 4);
    const auto closed = terminal_result(R"(
import os, time
for fd in (0, 1, 2):
    os.close(fd)
time.sleep(0.2)
fd = os.open("/dev/tty", os.O_RDWR)
os.write(fd, b"back again")
)");
    EXPECT_EQ(closed["exit_code"], 0);
    EXPECT_EQ(closed["stdout"]["text"], "back again");
    EXPECT_LT(closed["usage"]["cpu_user_ms"], 5000);
}

TEST(Terminal, MakesTheCallersTerminalNeitherAnswerNorRemember) {
    TerminalSession session(on_terminal(
        R"(print("\x1b]52;c;c3RvbGVu\x07\x1b]0;title\x1b\\\x1b[6n\x1b[c\x1bP$qm\x1b\\\x1b[21t\x05"
      "\x1b[?1000h\x9b\u009b5n\x1b[31mred\x1b[0m\x1b[2K done"))"));
    EXPECT_EQ(session.end(), 0);
    const std::string& seen = session.seen();
    for (const char* attack :
         {"]52", "c3RvbGVu", "title", "[6n", "[c", "$q", "[21t", "\x05", "[?1000h", "\xc2\x9b"}) {
        EXPECT_THAT(seen, Not(HasSubstr(attack))) << testing::PrintToString(seen);
    }
    EXPECT_THAT(seen, HasSubstr("\x1b[31mred\x1b[0m\x1b[2K done"));  // Control.
}

TEST(Terminal, LeavesTheScreenAsItWas) {
    TerminalSession session(
        on_terminal(R"(print("\x1b[?1049h\x1b[?25l\x1b[5;9r\x1b[32mpainted"))"));
    EXPECT_EQ(session.end(), 0);
    const std::string& seen = session.seen();
    ASSERT_THAT(seen, HasSubstr("painted"));
    const std::string after = seen.substr(seen.find("painted"));
    for (const char* undone : {"\x1b[?1049l", "\x1b[?25h", "\x1b[r", "\x1b[0m"})
        EXPECT_THAT(after, HasSubstr(undone)) << testing::PrintToString(seen);
}

TEST(Terminal, IsGivenBackHoweverTheJobEnds) {
    const std::vector<std::string> ends{"import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
                                        "raise SystemExit(3)", "import os; os.abort()", "1 / 0",
                                        "import time; time.sleep(60)"};
    for (const std::string& code : ends) {
        TerminalSession session(on_terminal("print('runs')\n" + code, {"--timeout", "1s"}));
        ASSERT_TRUE(session.await("runs")) << session.seen();
        EXPECT_NE(session.end(), 0);
        EXPECT_TRUE(session.is_as_before()) << code;
    }
    TerminalSession unstarted(on_terminal("pass", {"--require", "nothing"}));
    EXPECT_EQ(unstarted.end(), 125);
    EXPECT_TRUE(unstarted.is_as_before());
}

TEST(Terminal, IsGivenBackWhenVitrineIsEnded) {
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
        TerminalSession session(on_terminal(R"(
import signal, time
for number in range(1, 32):
    try:
        signal.signal(number, signal.SIG_IGN)
    except OSError:
        pass
print('runs')
time.sleep(60)
)"));
        ASSERT_TRUE(session.await("runs")) << session.seen();
        EXPECT_TRUE(session.is_raw());
        ::kill(session.pid(), signal);
        EXPECT_EQ(session.end(), 128 + signal);
        EXPECT_TRUE(session.is_as_before());
    }
}

/// Who leads a session is sent both when its terminal is gone, as below ssh.
TEST(Terminal, ThatIsGoneEndsTheJobWithAResult) {
    const Scratch scratch;
    const std::string result = scratch.path() + "/result.json";
    TerminalSession session(
        on_terminal("import time; print('runs'); time.sleep(60)", {"--result", result}));
    ASSERT_TRUE(session.await("runs")) << session.seen();
    session.hang_up();
    EXPECT_EQ(session.end(), 128 + SIGHUP);
    std::ifstream file(result);
    const auto json = nlohmann::json::parse(file);
    EXPECT_EQ(json["status"], "signaled");
}

TEST(Terminal, KeepsWhatIsTypedForTheJobFromTheShellAfterIt) {
    TerminalSession session(on_terminal("import time; print('runs'); time.sleep(2)"));
    ASSERT_TRUE(session.await("runs")) << session.seen();
    // More than the job's terminal and vitrine hold for it: the rest waits in the caller's own.
    session.type_until_full("rm -rf /\n");
    EXPECT_EQ(session.end(), 0);
    EXPECT_EQ(session.unread(), "");
}

TEST(Terminal, IsLeftByThreePressesOfTheEscapeKey) {
    TerminalSession session(on_terminal(R"(
import signal, sys, termios, time
attributes = termios.tcgetattr(0)
attributes[3] = 0
termios.tcsetattr(0, termios.TCSANOW, attributes)
signal.signal(signal.SIGINT, signal.SIG_IGN)
print('deaf')
time.sleep(60)
)"));
    ASSERT_TRUE(session.await("deaf")) << session.seen();
    session.type("\x03\x1a\x04");
    session.type("\x1d\x1d\x1d");
    EXPECT_EQ(session.end(), 128 + SIGINT);
    EXPECT_TRUE(session.is_as_before());
}

}  // namespace
}  // namespace vitrine::test
