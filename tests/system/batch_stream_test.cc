// A batch whose jobs come one by one, as from a service that keeps it running.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/error.h"
#include "base/fd.h"
#include "support/vitrine_program.h"

namespace vitrine::test {
namespace {

/// `vitrine batch -`, with our ends of its input and output.
class Stream {
  public:
    Stream() {
        Pipe input = make_pipe();
        Pipe output = make_pipe();
        pid_ = check(::fork(), "starting vitrine", "fork");
        if (pid_ == 0) {
            ::dup2(input.read_end.get(), 0);
            ::dup2(output.write_end.get(), 1);
            execute({vitrine_path(), "batch", "--jobs", "2", "--no-validate", "--log-level",
                     "error", "-"});
        }
        input_ = std::move(input.write_end);
        output_ = std::move(output.read_end);
    }
    ~Stream() {
        if (pid_ > 0) (void)end();
    }
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    pid_t pid() const { return pid_; }

    void give(const std::string& id, const std::string& source) const {
        const nlohmann::json job{{"id", id}, {"source", source}};
        write_all(input_.get(), job.dump() + "\n");
    }

    nlohmann::json next() const {
        std::string line;
        for (char letter = 0; ::read(output_.get(), &letter, 1) == 1 && letter != '\n';)
            line += letter;
        return nlohmann::json::parse(line);
    }

    int end() {
        input_.reset();
        int status = 0;
        ::waitpid(std::exchange(pid_, -1), &status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }

  private:
    pid_t pid_ = -1;
    UniqueFd input_;
    UniqueFd output_;
};

int dead_children(pid_t pid) {
    int dead = 0;
    std::ifstream children(concat("/proc/", pid, "/task/", pid, "/children"));
    for (std::string child; children >> child;) {
        std::ifstream stat(concat("/proc/", child, "/stat"));
        const std::string text((std::istreambuf_iterator<char>(stat)), {});
        dead += text.find(") Z ") != std::string::npos ? 1 : 0;
    }
    return dead;
}

TEST(BatchStream, AnswersEachJobAsItComes) {
    Stream stream;
    stream.give("long", "import time; time.sleep(2)");
    for (const char* id : {"first", "second", "third"}) {
        stream.give(id, "print(6 * 7)");
        const auto result = stream.next();
        EXPECT_EQ(result["id"], id);
        EXPECT_EQ(result["stdout"]["text"], "42\n");
    }
    EXPECT_EQ(stream.next()["id"], "long");
    EXPECT_EQ(stream.end(), 0);
}

TEST(BatchStream, LeavesNothingDeadWhileItWaits) {
    Stream stream;
    for (int round = 0; round < 6; ++round) {
        stream.give("a", "import os; os.fork()");
        EXPECT_EQ(stream.next()["status"], "exited");
        int dead = 1;
        for (int i = 0; i < 20 && dead > 0; ++i) {
            ::usleep(100'000);
            dead = dead_children(stream.pid());
        }
        EXPECT_EQ(dead, 0) << round;
    }
    EXPECT_EQ(stream.end(), 0);
}

}  // namespace
}  // namespace vitrine::test
