#include "runtime/screen_filter.h"

#include <gtest/gtest.h>

#include "runtime/job_terminal.h"

namespace vitrine::runtime {
namespace {

std::string filtered(std::string_view bytes) {
    return ScreenFilter().filter(bytes);
}

TEST(ScreenFilter, LetsTextAndPaintingThrough) {
    for (const char* harmless :
         {"plain\r\n\ttext\x07\x08", "gr\xc3\xbc\xc3\x9f \xe2\x9c\x93", "\xc2\xa0",
          "\x1b[31;1mred\x1b[0m\x1b[38:5:9mx\x1b[m", "\x1b[2J\x1b[H\x1b[10;20H\x1b[K\x1b[?1049h",
          "\x1b[?25l\x1b[?2004h\x1b[4h\x1b[1;5r\x1b[3S",
          "\x1b"
          "7\x1b"
          "8\x1bM\x1b(0qqq\x1b(B"}) {
        EXPECT_EQ(filtered(harmless), harmless);
    }
}

TEST(ScreenFilter, TakesAwayWhatATerminalAnswersOrRemembers) {
    for (const char* hostile : {"\x1b[6n",
                                "\x1b[5n",
                                "\x1b[?6n",
                                "\x1b[c",
                                "\x1b[>c",
                                "\x1b[=c",
                                "\x1b[0c",
                                "\x1b[21t",
                                "\x1b[18t",
                                "\x1b[x",
                                "\x1b[?1$p",
                                "\x1b[4$p",
                                "\x1b[>q",
                                "\x1b[?u",
                                "\x1b[>1u",
                                "\x1b]52;c;eA==\x07",
                                "\x1b]0;title\x1b\\",
                                "\x1bP$qm\x1b\\",
                                "\x1bP+q544e\x1b\\",
                                "\x1b_payload\x1b\\",
                                "\x1b^private\x1b\\",
                                "\x1bXstring\x1b\\",
                                "\x1b[?1000h",
                                "\x1b[?1004h",
                                "\x1b[?1;1000h",
                                "\x1b[i",
                                "\x1b[5i",
                                "\x1b[?5i",
                                "\x1b[!p",
                                "\x1b"
                                "c",
                                "\x1bZ",
                                "\x1b#8",
                                "\x05",
                                "\x7f",
                                "\x1b[2h",
                                "\x1b[1q"}) {
        EXPECT_EQ(filtered(hostile), "") << testing::PrintToString(std::string(hostile));
    }
    EXPECT_EQ(filtered("\xc2\x9b"
                       "6n"),
              "?6n");
    EXPECT_EQ(filtered("a\x1b]0;never ended"), "a");
}

TEST(ScreenFilter, IsNotFooledByPieces) {
    const std::string whole =
        "a\x1b[6nb\x1b]52;c;eA==\x1b\\c\x1b[31md\xc2\x9b"
        "e\x1b\x1b[6nf";
    for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
        ScreenFilter filter;
        std::string out = filter.filter(whole.substr(0, cut));
        out += filter.filter(whole.substr(cut));
        EXPECT_EQ(out, "abc\x1b[31md?ef") << cut;
    }
}

TEST(ScreenFilter, IsNotFooledByASequenceWithinAnother) {
    EXPECT_EQ(filtered("\x1b[\x1b[6n"), "");
    EXPECT_EQ(filtered("\x1b[3\x1b[6n1m"), "1m");
    EXPECT_EQ(filtered("\x1b]0;\x1b[6n"), "");
    EXPECT_EQ(filtered("\x1b]0;x\x1b]52;c;eA==\x07"), "");
    EXPECT_EQ(filtered("\x1b(\x1b[6n"), "");
    EXPECT_EQ(filtered("\x1b[" + std::string(100, '1') + "m").find('\x1b'), std::string::npos);
    EXPECT_EQ(filtered("\x1b[6\nn"), "n");
}

TEST(ScreenFilter, TakesBackWhatWasLeftOn) {
    ScreenFilter filter;
    EXPECT_EQ(filter.undo(), "");
    (void)filter.filter("\x1b[?1049h\x1b[?25l\x1b[31m\x1b[2;9r\x1b=\x1b(0\x1b[4h");
    EXPECT_EQ(filter.undo(),
              "\x1b[4l\x1b[?1049l\x1b[?25h\x1b"
              "7\x1b[r\x1b"
              "8\x1b>\x0f\x1b(B\x1b[0m");
    EXPECT_EQ(filter.undo(), "");
    (void)filter.filter("\x1b[?1049h\x1b[?25l\x1b[31mx\x1b[m\x1b[?25h\x1b[?1049l");
    EXPECT_EQ(filter.undo(), "");
    (void)filter.filter("\x0e");
    EXPECT_EQ(filter.undo(), "\x0f\x1b(B");
}

constexpr std::int64_t kMs = 1'000'000;

TEST(EscapeKey, IsThreePressesWithinASecond) {
    EXPECT_TRUE(EscapeKey().feed("\x1d\x1d\x1d", 0));
    EscapeKey slow;
    EXPECT_FALSE(slow.feed("\x1d", 0));
    EXPECT_FALSE(slow.feed("\x1d", 900 * kMs));
    EXPECT_FALSE(slow.feed("\x1d", 1800 * kMs));
    EXPECT_FALSE(slow.feed("\x1d", 1900 * kMs));
    EXPECT_TRUE(slow.feed("\x1d", 2000 * kMs));
    EscapeKey between;
    EXPECT_FALSE(between.feed("\x1d\x1dx\x1d", 0));
}

}  // namespace
}  // namespace vitrine::runtime
