#include "limits/memory_watch.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <thread>

#include "base/fd.h"

namespace vitrine::limits {
namespace {

constexpr std::size_t kBlock = std::size_t{32} << 20;

void* touch_block() {
    void* block =
        ::mmap(nullptr, kBlock, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    std::memset(block, 1, kBlock);
    return block;
}

/// A child that has forked `count` children, all idle; each touches a block of its own or shares
/// the one of the first.
class Family {
  public:
    Family(int count, bool is_sharing) {
        Pipe ready = make_pipe();
        pid_ = ::fork();
        if (pid_ == 0) {
            ::setpgid(0, 0);
            touch_block();
            for (int i = 0; i < count; ++i) {
                if (::fork() != 0) continue;
                if (!is_sharing) touch_block();
                (void)!::write(ready.write_end.get(), "x", 1);
                ::pause();
            }
            ::pause();
        }
        for (int i = 0; i < count; ++i) {
            char mark = 0;
            (void)!::read(ready.read_end.get(), &mark, 1);
        }
    }
    ~Family() {
        ::kill(-pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    Family(const Family&) = delete;
    Family& operator=(const Family&) = delete;

    pid_t pid() const { return pid_; }

  private:
    pid_t pid_ = -1;
};

/// Looks until a precise one was due.
bool look_long(MemoryWatch& watch, pid_t pid) {
    bool over = false;
    for (int i = 0; i < 20 && !over; ++i) {
        over = watch.look(std::array{pid}, "/nowhere");
        std::this_thread::sleep_for(MemoryWatch::kInterval);
    }
    return over;
}

TEST(MemoryWatch, FindsEveryDescendant) {
    const Family family(3, true);
    EXPECT_EQ(descendants_of(std::array{family.pid()}).size(), 4U);
}

TEST(MemoryWatch, AddsUpProcessesThatAreEachWithinTheLimit) {
    const Family family(3, false);  // 4 × 32 MiB
    MemoryWatch tight(kBlock * 3);
    EXPECT_TRUE(look_long(tight, family.pid()));
    EXPECT_GT(tight.peak_bytes(), kBlock * 3);
    MemoryWatch wide(kBlock * 6);
    EXPECT_FALSE(look_long(wide, family.pid()));
}

TEST(MemoryWatch, CountsASharedPageOnce) {
    const Family family(6, true);  // 32 MiB seven times over
    MemoryWatch watch(kBlock * 2);
    EXPECT_FALSE(look_long(watch, family.pid()));
    EXPECT_LT(watch.peak_bytes(), kBlock * 2);
}

TEST(MemoryWatch, TakesAProcessThatIsGoneForNothing) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(0);
    ::waitpid(child, nullptr, 0);
    MemoryWatch watch(1);
    EXPECT_FALSE(watch.look(std::array{child}, "/nowhere"));
}

}  // namespace
}  // namespace vitrine::limits
