#include "limits/owner.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace vitrine::limits {
namespace {

TEST(Owner, SurvivesBeingWrittenIntoAName) {
    const Owner self = this_owner();
    EXPECT_EQ(self.pid, ::getpid());
    EXPECT_GT(self.start_time, 0U);
    EXPECT_EQ(parse_owner(to_text(self)), self);
}

TEST(Owner, IsNotReadFromSomethingElse) {
    for (const char* text : {"", "job", "1.2.3", "abcdefgh.1.2.x", "abcdefgh.1.2.3.4", "abc.1.2.3",
                             "abcdefgh..2.3", "abcdefgh.1.2."}) {
        EXPECT_FALSE(parse_owner(text)) << text;
    }
}

TEST(Owner, IsGoneOnlyWhenThatIsCertain) {
    const Owner self = this_owner();
    EXPECT_FALSE(is_gone(self, self));
    Owner reused = self;  // The pid lives, but as another process.
    reused.start_time += 1;
    EXPECT_TRUE(is_gone(reused, self));
    Owner elsewhere = reused;
    elsewhere.pid_namespace += 1;
    EXPECT_FALSE(is_gone(elsewhere, self));
    Owner before_boot = reused;
    before_boot.boot = "00000000";
    EXPECT_FALSE(is_gone(before_boot, self));
}

TEST(Owner, IsGoneOnceItsProcessIs) {
    const Owner self = this_owner();
    const pid_t child = ::fork();
    if (child == 0) ::_exit(0);
    ::waitpid(child, nullptr, 0);
    Owner dead = self;
    dead.pid = child;
    EXPECT_TRUE(is_gone(dead, self));
}

}  // namespace
}  // namespace vitrine::limits
