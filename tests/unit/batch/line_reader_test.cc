#include "batch/line_reader.h"

#include <gtest/gtest.h>

#include "base/fd.h"

namespace vitrine::batch {
namespace {

using Outcome = LineReader::Outcome;

TEST(LineReader, TellsLinesAndTheirNumbers) {
    const Pipe pipe = make_pipe();
    write_all(pipe.write_end.get(), std::string_view("one\n\nthree\nlast", 15));
    LineReader reader(pipe.read_end.get(), 100);
    std::string line;
    for (const char* expected : {"one", "", "three"}) {
        EXPECT_EQ(reader.next(line), Outcome::kLine);
        EXPECT_EQ(line, expected);
        EXPECT_TRUE(reader.ended_with_newline());
    }
    // It may go on.
    EXPECT_EQ(reader.next(line), Outcome::kNotYet);
    EXPECT_EQ(reader.number(), 3U);
}

TEST(LineReader, ALastLineMayLackItsEnd) {
    Pipe pipe = make_pipe();
    write_all(pipe.write_end.get(), "one\nlast");
    pipe.write_end.reset();
    LineReader reader(pipe.read_end.get(), 100);
    std::string line;
    EXPECT_EQ(reader.next(line), Outcome::kLine);
    EXPECT_EQ(reader.next(line), Outcome::kLine);
    EXPECT_EQ(line, "last");
    EXPECT_FALSE(reader.ended_with_newline());
    EXPECT_EQ(reader.next(line), Outcome::kEnd);
    EXPECT_EQ(reader.number(), 2U);
    EXPECT_EQ(reader.bytes_taken(), 8U);
}

TEST(LineReader, ReadsPastALineThatIsTooLong) {
    Pipe pipe = make_pipe();
    LineReader reader(pipe.read_end.get(), 1000);
    std::string line;
    const std::string piece(50'000, 'x');
    for (int i = 0; i < 200; ++i) {
        write_all(pipe.write_end.get(), piece);
        EXPECT_EQ(reader.next(line), Outcome::kNotYet);
    }
    write_all(pipe.write_end.get(), "\nnext\n");
    pipe.write_end.reset();
    EXPECT_EQ(reader.next(line), Outcome::kTooLong);
    EXPECT_TRUE(line.empty());
    EXPECT_EQ(reader.next(line), Outcome::kLine);
    EXPECT_EQ(line, "next");
    EXPECT_EQ(reader.number(), 2U);
}

TEST(LineReader, KeepsWhatCameBeforeAPause) {
    Pipe pipe = make_pipe();
    LineReader reader(pipe.read_end.get(), 100);
    std::string line;
    write_all(pipe.write_end.get(), "half");
    EXPECT_EQ(reader.next(line), Outcome::kNotYet);
    write_all(pipe.write_end.get(), " and half\n");
    EXPECT_EQ(reader.next(line), Outcome::kLine);
    EXPECT_EQ(line, "half and half");
}

}  // namespace
}  // namespace vitrine::batch
