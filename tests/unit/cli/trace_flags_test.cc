#include "cli/trace_flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace vitrine::cli {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(SplitWords, TakesQuotesOffAsAShellDoes) {
    EXPECT_THAT(split_words(""), IsEmpty());
    EXPECT_THAT(split_words("  \t "), IsEmpty());
    EXPECT_THAT(split_words("-e trace=file  -T"), ElementsAre("-e", "trace=file", "-T"));
    EXPECT_THAT(split_words("-e 'trace=a b' \"c d\""), ElementsAre("-e", "trace=a b", "c d"));
    EXPECT_THAT(split_words("a'b c'\"d\"e"), ElementsAre("ab cde"));
    EXPECT_THAT(split_words(R"(a\ b "c\"d" 'e\f' g\)"), ElementsAre("a b", "c\"d", "e\\f", "g\\"));
    EXPECT_THAT(split_words("'' x"), ElementsAre("", "x"));
}

TEST(SplitWords, RefusesAQuoteThatIsNotClosed) {
    EXPECT_THROW(split_words("-e 'trace"), UsageError);
    EXPECT_THROW(split_words("-e \"trace\\\""), UsageError);
}

TEST(StraceOptions, AreWhateverVitrineDoesNotSayItself) {
    EXPECT_THAT(parse_strace_options("-e trace=file -P /tmp -O 5"),
                ElementsAre("-e", "trace=file", "-P", "/tmp", "-O", "5"));
    EXPECT_THAT(parse_strace_options("-e pathtoo -fTy -XDo --output-append-mode"),
                ElementsAre("-e", "pathtoo", "-fTy", "-XDo", "--output-append-mode"));
    for (const char* refused :
         {"-o x", "-ox", "--output=x", "-p 1", "--attach=1", "-D", "-DDD", "--daemonize=grandchild",
          "-T -p 1", "-fp1", "-qo/tmp/x", "-fD", "--output x", "--att=1", "--daem", "-k", "-Tk",
          "--stack-traces", "--stac"}) {
        EXPECT_THROW(parse_strace_options(refused), UsageError) << refused;
    }
}

TEST(TraceFile, MayBeOneOfOursAndNoPythonScript) {
    EXPECT_EQ(parse_trace_file("-"), "");
    EXPECT_EQ(parse_trace_file("/dev/stderr"), "");
    EXPECT_TRUE(parse_trace_file("/dev/fd/2").starts_with("/proc/"));
    EXPECT_THROW(parse_trace_file("/tmp/script.py"), UsageError);
}

}  // namespace
}  // namespace vitrine::cli
