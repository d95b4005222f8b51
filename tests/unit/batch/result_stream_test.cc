#include "batch/result_stream.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "support/scratch.h"

namespace vitrine::batch {
namespace {

constexpr std::size_t kEnough = std::size_t{1} << 20;

TEST(ResultStream, WritesEachLineAtOnce) {
    const test::Scratch scratch;
    const std::string path = scratch.path() + "/results";
    ResultStream stream = ResultStream::to_file(path, FileUse::kReplace);
    stream.add("one");
    EXPECT_EQ(read_file(path, kEnough), "one\n");
    stream.add("two");
    EXPECT_EQ(read_file(path, kEnough), "one\ntwo\n");
}

TEST(ResultStream, ReplacesAFileOrGoesOnWithIt) {
    const test::Scratch scratch;
    const std::string path = scratch.write("results", "old\nhalf of a li");
    ResultStream::to_file(path, FileUse::kContinue).add("new");
    EXPECT_EQ(read_file(path, kEnough), "old\nnew\n");
    ResultStream::to_file(path, FileUse::kReplace).add("only");
    EXPECT_EQ(read_file(path, kEnough), "only\n");
}

TEST(ResultStream, CutsAHalfLineLongerThanABlock) {
    const test::Scratch scratch;
    const std::string tail(200'000, 'x');
    const std::string path = scratch.write("results", "old\n" + tail);
    ResultStream::to_file(path, FileUse::kContinue).add("new");
    EXPECT_EQ(read_file(path, kEnough), "old\nnew\n");
    const std::string alone = scratch.write("alone", tail);
    ResultStream::to_file(alone, FileUse::kContinue).add("new");
    EXPECT_EQ(read_file(alone, kEnough), "new\n");
}

TEST(ResultStream, DoesNotWaitForASlowReader) {
    const Pipe pipe = make_pipe();
    ResultStream stream = ResultStream::to_descriptor(pipe.write_end.get(), "stdout");
    const std::string line(300'000, 'x');
    stream.add(line);
    EXPECT_GT(stream.waiting(), 0U);
    EXPECT_LT(stream.waiting(), line.size());
    std::string taken;
    std::array<char, 65536> buffer;
    while (stream.waiting() > 0 || taken.size() < line.size() + 1) {
        const ssize_t got = ::read(pipe.read_end.get(), buffer.data(), buffer.size());
        ASSERT_GT(got, 0);
        taken.append(buffer.data(), static_cast<std::size_t>(got));
        stream.pump();
    }
    EXPECT_EQ(taken, line + "\n");
}

TEST(ResultStream, SaysThatItsReaderIsGone) {
    ::signal(SIGPIPE, SIG_IGN);
    Pipe pipe = make_pipe();
    ResultStream stream = ResultStream::to_descriptor(pipe.write_end.get(), "stdout");
    pipe.read_end.reset();
    try {
        stream.add("one");
        FAIL() << "nobody noticed";
    } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()).find("stdout"), std::string::npos) << error.what();
        EXPECT_NE(std::string(error.what()).find("EPIPE"), std::string::npos) << error.what();
    }
}

TEST(ResultStream, RefusesWhatCannotBeWritten) {
    EXPECT_THROW(ResultStream::to_file("/", FileUse::kReplace), Error);
    EXPECT_THROW(ResultStream::to_file("/nonexistent/r", FileUse::kReplace), Error);
    const Pipe pipe = make_pipe();
    EXPECT_THROW(ResultStream::to_descriptor(pipe.read_end.get(), "stdout"), UsageError);
}

}  // namespace
}  // namespace vitrine::batch
