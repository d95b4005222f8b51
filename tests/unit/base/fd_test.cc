#include "base/fd.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"

namespace vitrine {
namespace {

TEST(UniqueFd, ClosesWhatItHolds) {
    int raw = -1;
    {
        const Pipe pipe = make_pipe();
        raw = pipe.read_end.get();
        EXPECT_NE(::fcntl(raw, F_GETFD), -1);
    }
    EXPECT_EQ(::fcntl(raw, F_GETFD), -1);
}

TEST(OpenFile, NamesThePathAndTheReason) {
    try {
        open_file("/nonexistent/file", O_RDONLY);
        FAIL();
    } catch (const SystemError& error) {
        EXPECT_THAT(error.what(), testing::HasSubstr("'/nonexistent/file'"));
        EXPECT_EQ(error.error_number(), ENOENT);
    }
}

TEST(SealedMemfd, CannotBeWrittenAgain) {
    const std::string text = "content";
    const UniqueFd file = make_sealed_memfd("test", std::as_bytes(std::span(text)));
    EXPECT_EQ(read_all(file.get(), 100), text);
    EXPECT_EQ(::pwrite(file.get(), "x", 1, 0), -1);
    EXPECT_EQ(::ftruncate(file.get(), 0), -1);
}

TEST(WriteAll, WaitsForRoomInANonBlockingPipe) {
    Pipe pipe = make_pipe();
    check(::fcntl(pipe.write_end.get(), F_SETFL, O_NONBLOCK), "preparing a pipe", "fcntl");
    const std::string text(1 << 20, 'x');
    const pid_t writer = ::fork();
    if (writer == 0) {
        try {
            write_all(pipe.write_end.get(), text);
            ::_exit(0);
        } catch (const Error&) {
            ::_exit(1);
        }
    }
    pipe.write_end.reset();
    EXPECT_EQ(read_all(pipe.read_end.get(), text.size()), text);
    int status = 0;
    ::waitpid(writer, &status, 0);
    EXPECT_EQ(status, 0);
}

TEST(ReadAll, RefusesMoreThanItWasAllowed) {
    const std::string text(1000, 'x');
    const UniqueFd file = make_sealed_memfd("test", std::as_bytes(std::span(text)));
    EXPECT_THROW(read_all(file.get(), 999), Error);
}

TEST(Messages, CarryBytesAndDescriptors) {
    const SocketPair pair = make_socket_pair();
    const Pipe pipe = make_pipe();
    const std::string text = "hello";
    const std::array<int, 1> fds{pipe.write_end.get()};
    send_message(pair.ours.get(), std::as_bytes(std::span(text)), fds);
    const Message message = receive_message(pair.theirs.get(), 100, 4);
    ASSERT_EQ(message.bytes.size(), text.size());
    ASSERT_EQ(message.fds.size(), 1U);
    write_all(message.fds[0].get(), "through the copy");
    std::array<char, 100> buffer{};
    EXPECT_EQ(::read(pipe.read_end.get(), buffer.data(), buffer.size()), 16);
}

TEST(Messages, AreRefusedWhenCutShort) {
    const SocketPair pair = make_socket_pair();
    const std::string text(100, 'x');
    send_message(pair.ours.get(), std::as_bytes(std::span(text)));
    EXPECT_THROW(receive_message(pair.theirs.get(), 10, 0), Error);
}

TEST(Messages, ArriveThoughThePeerDiedWithoutReadingItsMail) {
    SocketPair pair = make_socket_pair();
    const std::string text = "last words";
    send_message(pair.theirs.get(), std::as_bytes(std::span(text)));
    send_message(pair.ours.get(), std::as_bytes(std::span(text)));
    pair.theirs.reset();
    EXPECT_EQ(receive_message(pair.ours.get(), 100, 0).bytes.size(), text.size());
    EXPECT_TRUE(receive_message(pair.ours.get(), 100, 0).bytes.empty());
}

TEST(Messages, AreEmptyOnceThePeerIsGone) {
    SocketPair pair = make_socket_pair();
    pair.ours.reset();
    EXPECT_TRUE(receive_message(pair.theirs.get(), 10, 0).bytes.empty());
}

}  // namespace
}  // namespace vitrine
