#include "support/running_job.h"

#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/error.h"
#include "support/vitrine_program.h"

namespace vitrine::test {

namespace {

constexpr int kStatusFd = 9;

[[noreturn]] void become_vitrine(const std::vector<std::string>& called, int status_fd,
                                 int output_fd) {
    ::dup2(status_fd, kStatusFd);
    ::dup2(output_fd, 1);
    std::vector<std::string> words{vitrine_path(), "run", "-q", "--json-status-fd",
                                   std::to_string(kStatusFd)};
    const std::vector<std::string> flags = run_flags();
    words.insert(words.end(), flags.begin(), flags.end());
    words.insert(words.end(), called.begin(), called.end());
    execute(std::move(words));
}

}  // namespace

RunningJob start_job(const std::string& code, const std::vector<std::string>& flags) {
    std::vector<std::string> words{"--no-validate"};
    words.insert(words.end(), flags.begin(), flags.end());
    words.insert(words.end(), {"-c", code});
    return start_words(words);
}

RunningJob start_words(const std::vector<std::string>& words) {
    Pipe status = make_pipe();
    Pipe output = make_pipe();
    const pid_t pid = check(::fork(), "starting vitrine", "fork");
    if (pid == 0) become_vitrine(words, status.write_end.get(), output.write_end.get());
    RunningJob job{pid, std::move(status.read_end), std::move(output.read_end)};
    std::string line;
    char letter = 0;
    status.write_end.reset();
    while (::read(job.status.get(), &letter, 1) == 1 && letter != '\n')
        line.push_back(letter);
    job.payload = nlohmann::json::parse(line).at("child-pid");
    return job;
}

bool await_line(const RunningJob& job) {
    char letter = 0;
    while (::read(job.output.get(), &letter, 1) == 1 && letter != '\n') {
    }
    return letter == '\n';
}

int await_end(const RunningJob& job) {
    int status = 0;
    ::waitpid(job.supervisor, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::vector<pid_t> processes_of(pid_t payload) {
    const auto namespace_of = [](const std::string& pid) {
        std::error_code ignored;
        return std::filesystem::read_symlink("/proc/" + pid + "/ns/pid", ignored);
    };
    const auto wanted = namespace_of(std::to_string(payload));
    std::vector<pid_t> found;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        const std::string name = entry.path().filename();
        if (name.find_first_not_of("0123456789") == std::string::npos &&
            namespace_of(name) == wanted) {
            found.push_back(std::stoi(name));
        }
    }
    return found;
}

bool exists(pid_t pid) {
    std::ifstream stat(concat("/proc/", pid, "/stat"));
    std::string text;
    std::getline(stat, text);
    const std::size_t name_end = text.rfind(')');
    return name_end != std::string::npos && text.substr(name_end + 2, 1) != "Z";
}

bool vanishes(pid_t pid) {
    for (int i = 0; i < 100 * time_scale() && exists(pid); ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    return !exists(pid);
}

}  // namespace vitrine::test
