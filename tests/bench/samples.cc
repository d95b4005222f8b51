#include "samples.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/fd.h"

namespace vitrine::bench {

namespace {

class SpawnActions {
  public:
    explicit SpawnActions(int stdout_fd) {
        ::posix_spawn_file_actions_init(&actions_);
        ::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        if (stdout_fd >= 0) {
            ::posix_spawn_file_actions_adddup2(&actions_, stdout_fd, STDOUT_FILENO);
        } else {
            ::posix_spawn_file_actions_addopen(&actions_, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
        }
        ::posix_spawn_file_actions_addopen(&actions_, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    }
    ~SpawnActions() { ::posix_spawn_file_actions_destroy(&actions_); }
    SpawnActions(const SpawnActions&) = delete;
    SpawnActions& operator=(const SpawnActions&) = delete;

    const posix_spawn_file_actions_t* get() const { return &actions_; }

  private:
    posix_spawn_file_actions_t actions_{};
};

pid_t start(const std::vector<std::string>& command, int stdout_fd) {
    std::vector<char*> words;
    for (const std::string& word : command)
        words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    const SpawnActions actions(stdout_fd);
    pid_t pid = 0;
    const int outcome =
        ::posix_spawnp(&pid, words[0], actions.get(), nullptr, words.data(), environ);
    if (outcome != 0) throw Error(concat("cannot start '", words[0], "': errno ", outcome));
    return pid;
}

void finish(pid_t pid, const std::string& name) {
    int status = 0;
    check(::waitpid(pid, &status, 0), concat("waiting for '", name, "'"), "waitpid");
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        throw Error(concat("'", name, "' failed with wait status ", status));
    }
}

}  // namespace

double quantile(std::vector<double> samples, double share) {
    if (samples.empty()) return 0;
    std::ranges::sort(samples);
    const auto last = static_cast<double>(samples.size() - 1);
    return samples[static_cast<std::size_t>(std::lround(share * last))];
}

double microseconds_since(Clock::time_point start) {
    return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

double microseconds(const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec);
}

double cpu_us() {
    double total = 0;
    for (const auto who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
        rusage usage{};
        check(::getrusage(who, &usage), "reading CPU time", "getrusage");
        total += microseconds(usage.ru_utime) + microseconds(usage.ru_stime);
    }
    return total;
}

void run_to_end(const std::vector<std::string>& command, int stdout_fd) {
    finish(start(command, stdout_fd), command[0]);
}

std::string output_of(const std::vector<std::string>& command) {
    Pipe pipe = make_pipe();
    const pid_t pid = start(command, pipe.write_end.get());
    pipe.write_end.reset();
    std::string out = read_all(pipe.read_end.get(), std::size_t{64} << 20);
    finish(pid, command[0]);
    return out;
}

}  // namespace vitrine::bench
