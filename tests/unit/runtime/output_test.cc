#include "runtime/output.h"

#include <gtest/gtest.h>
#include <signal.h>

#include "base/fd.h"

namespace vitrine::runtime {
namespace {

TEST(Capture, KeepsWhatFits) {
    Capture capture(16);
    EXPECT_EQ(capture.feed("0123456789"), "0123456789");
    EXPECT_EQ(capture.feed("abcdef"), "ab");
    EXPECT_EQ(capture.output().bytes, "0123456789abcdef");
    EXPECT_FALSE(capture.output().truncated);
}

TEST(Capture, JoinsHeadAndTailByOneLine) {
    Capture capture(16);
    for (int i = 0; i < 1000; ++i)
        (void)capture.feed("0123456789");
    const Output output = capture.output();
    EXPECT_EQ(output.bytes, "012345678901\n[vitrine: 9984 bytes left out]\n6789");
    EXPECT_EQ(output.bytes_total, 10000U);
    EXPECT_EQ(output.bytes_kept, 16U);
    EXPECT_TRUE(output.truncated);
}

TEST(Capture, KeepsTheHeadAlone) {
    Capture capture(8, OutputKeep::kHead);
    EXPECT_EQ(capture.feed("0123456789abcdef"), "01234567");
    EXPECT_EQ(capture.feed("more"), "");
    EXPECT_EQ(capture.output().bytes, "01234567\n[vitrine: 12 bytes left out]\n");
    EXPECT_EQ(capture.output().bytes_kept, 8U);
}

TEST(Capture, KeepsTheTailAlone) {
    Capture capture(8, OutputKeep::kTail);
    EXPECT_EQ(capture.feed("0123456789"), "");
    EXPECT_EQ(capture.feed("abcdef"), "");
    EXPECT_EQ(capture.output().bytes, "[vitrine: 8 bytes left out]\n89abcdef");
    Capture short_one(8, OutputKeep::kTail);
    (void)short_one.feed("all");
    EXPECT_EQ(short_one.output().bytes, "all");
}

TEST(Capture, HoldsAFloodInBoundedMemory) {
    Capture capture(1 << 20);
    const std::string piece(65536, 'x');
    for (int i = 0; i < 4096; ++i)
        (void)capture.feed(piece);
    EXPECT_EQ(capture.bytes_total(), 4096U * 65536U);
    EXPECT_LT(capture.output().bytes.size(), (1U << 20U) + 100U);
}

TEST(Capture, WorksWithTheSmallestLimit) {
    Capture capture(1);
    EXPECT_EQ(capture.feed("ab"), "a");
    EXPECT_EQ(capture.output().bytes, "a\n[vitrine: 1 bytes left out]\n");
}

TEST(TerminalFilter, ShowsControlCharactersInsteadOfSendingThem) {
    TerminalFilter filter;
    EXPECT_EQ(filter.filter("a\tb\r\n"), "a\tb\r\n");
    EXPECT_EQ(filter.filter("\x1b[2J\x07\x7f"), "^[[2J^G^?");
}

TEST(TerminalFilter, KnowsC1ControlsAcrossPieces) {
    TerminalFilter filter;
    EXPECT_EQ(filter.filter("x\xc2"), "x");
    EXPECT_EQ(filter.filter("\x9b"
                            "31m"),
              "?31m");
    EXPECT_EQ(filter.filter("\xc2\xa9 \xc3\xa9"), "\xc2\xa9 \xc3\xa9");
}

TEST(Forwarder, DropsEverythingWithoutATarget) {
    Forwarder forwarder(-1);
    forwarder.push("text");
    EXPECT_FALSE(forwarder.has_pending());
}

TEST(Forwarder, GoesOnWhenTheReaderIsGone) {
    (void)::signal(SIGPIPE, SIG_IGN);  // As vitrine does.
    Pipe pipe = make_pipe();
    Forwarder forwarder(pipe.write_end.get());
    pipe.read_end.reset();
    forwarder.push("text");
    forwarder.write_some();
    EXPECT_FALSE(forwarder.has_pending());
}

}  // namespace
}  // namespace vitrine::runtime
