// `--result`: every kind of place it can name, and that it is known before anything runs.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>

#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "support/scratch.h"
#include "support/vitrine_program.h"

namespace vitrine::test {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr std::size_t kEnough = 1 << 20;

void expect_result(const std::string& text) {
    const Json result = Json::parse(text, nullptr, false);
    EXPECT_TRUE(result.is_object() && result["status"] == "exited") << text;
}

/// What a pipe holds now, as a pipe that nobody writes to any more.
std::string drain(int fd) {
    std::array<char, 65536> buffer{};
    const ssize_t got = ::read(fd, buffer.data(), buffer.size());
    return {buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0))};
}

TEST(ResultFile, AFifoGetsItAndStays) {
    const Scratch scratch;
    const std::string path = scratch.path() + "/fifo";
    ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
    const UniqueFd reader = open_file(path, O_RDONLY | O_NONBLOCK);
    EXPECT_EQ(run_code("print(1)", {"--result", path}).exit_code, 0);
    EXPECT_TRUE(fs::is_fifo(path));
    expect_result(drain(reader.get()));
}

TEST(ResultFile, APipesDescriptorGetsIt) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe(ends.data()), 0);
    const Answer answer = run_code("print(1)", {"--result", concat("/dev/fd/", ends[1])});
    ::close(ends[1]);
    EXPECT_EQ(answer.exit_code, 0) << answer.err;
    expect_result(drain(ends[0]));
    ::close(ends[0]);
}

TEST(ResultFile, ALinkIsFollowedAndStays) {
    const Scratch scratch;
    fs::create_directory(scratch.path() + "/real");
    const std::string target = scratch.write("real/old.json", "old");
    ::chmod(target.c_str(), 0600);
    fs::create_symlink("real/old.json", scratch.path() + "/link");
    fs::create_symlink("real/new.json", scratch.path() + "/dangling");
    for (const auto& [link, file] :
         {std::pair{"/link", "/real/old.json"}, std::pair{"/dangling", "/real/new.json"}}) {
        EXPECT_EQ(run_code("print(1)", {"--result", scratch.path() + link}).exit_code, 0);
        EXPECT_TRUE(fs::is_symlink(scratch.path() + link));
        expect_result(read_file(scratch.path() + file, kEnough));
    }
    EXPECT_EQ(fs::status(target).permissions(), fs::perms::owner_read | fs::perms::owner_write);
    EXPECT_EQ(std::distance(fs::directory_iterator(scratch.path() + "/real"), {}), 2);
}

TEST(ResultFile, AGuessedDraftLeadsNowhere) {
    const Scratch scratch;
    const std::string victim = scratch.write("victim", "precious");
    const std::string path = scratch.path() + "/r.json";
    const pid_t pid = ::fork();
    if (pid == 0) {
        fs::create_symlink(victim, concat(path, ".", ::getpid(), ".tmp"));
        ::execl(vitrine_path().c_str(), "vitrine", "run", "-q", "--result", path.c_str(), "-c",
                "pass", nullptr);
        ::_exit(255);
    }
    int status = 0;
    ::waitpid(pid, &status, 0);
    EXPECT_EQ(status, 0);
    EXPECT_EQ(read_file(victim, kEnough), "precious");
    expect_result(read_file(path, kEnough));
}

TEST(ResultFile, ItsNameMayBeAsLongAsAnyMay) {
    const Scratch scratch;
    const std::string longest = scratch.path() + "/" + std::string(255, 'r');
    EXPECT_EQ(run_code("print('ran')", {"--result", longest}).out, "ran\n");
    EXPECT_TRUE(fs::exists(longest));
    EXPECT_EQ(std::distance(fs::directory_iterator(scratch.path()), {}), 1);
    EXPECT_EQ(run_code("print('ran')", {"--result", longest + "r"}).exit_code, 125);
}

TEST(ResultFile, OneThatCannotBeWrittenIsFoundBeforeTheJob) {
    const Scratch scratch;
    for (const std::string& path : {std::string("/nonexistent/r.json"), scratch.path()}) {
        const Answer answer = run_code("print('ran')", {"--result", path});
        EXPECT_EQ(answer.exit_code, 125);
        EXPECT_EQ(answer.out, "");
        EXPECT_NE(answer.err.find("vitrine: --result: writing '" + path), std::string::npos)
            << answer.err;
    }
    EXPECT_EQ(run_code("print('ran')", {"--result", scratch.path() + "/r"}).out, "ran\n");
}

TEST(ResultFile, AUsageErrorSurvivesAResultThatCannotBeWritten) {
    const Answer answer = run_code("pass", {"--memory", "0", "--result", "/nonexistent/r.json"});
    EXPECT_EQ(answer.exit_code, 125);
    EXPECT_NE(answer.err.find("vitrine: --memory"), std::string::npos) << answer.err;
    EXPECT_NE(answer.err.find("vitrine: --result: writing '/nonexistent/r.json'"),
              std::string::npos)
        << answer.err;
}

TEST(ResultFile, AClosedStdoutIsFoundBeforeTheJob) {
    const Answer answer = run_program(
        "/bin/sh", {.arguments = {"-c", "exec \"$0\" \"$@\" >&-", vitrine_path(), "run", "--result",
                                  "-", "-c", "import sys; print('ran', file=sys.stderr)"},
                    .input = {},
                    .environment = {}});
    EXPECT_EQ(answer.exit_code, 125);
    EXPECT_NE(answer.err.find("stdout is not open for writing"), std::string::npos) << answer.err;
    EXPECT_EQ(answer.err.find("ran\n"), std::string::npos) << answer.err;
}

}  // namespace
}  // namespace vitrine::test
