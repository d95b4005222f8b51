#include "library_jobs.h"

#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <thread>

#include "base/error.h"

namespace vitrine::test {

namespace {

using namespace std::chrono_literals;

constexpr int kLooks = 500;

std::vector<std::string> command_line(const std::string& pid) {
    std::ifstream file("/proc/" + pid + "/cmdline");
    std::vector<std::string> words;
    for (std::string word; std::getline(file, word, '\0');)
        words.push_back(word);
    return words;
}

pid_t parent_of(const std::string& pid) {
    std::ifstream status("/proc/" + pid + "/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("PPid:")) return std::stoi(line.substr(5));
    }
    return -1;
}

/// What a supervisor clones looks like it until it executes something.
std::vector<pid_t> without_clones(const std::map<pid_t, pid_t>& parents) {
    std::vector<pid_t> found;
    for (const auto& [pid, parent] : parents) {
        if (!parents.contains(parent)) found.push_back(pid);
    }
    return found;
}

std::vector<pid_t> look_for_supervisors(pid_t host) {
    std::map<pid_t, pid_t> parents;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
        const std::string pid = entry.path().filename();
        if (pid.find_first_not_of("0123456789") != std::string::npos) continue;
        const auto words = command_line(pid);
        if (words.size() != 4 || words[1] != "supervise") continue;
        if (words[3] == std::to_string(host)) parents[std::stoi(pid)] = parent_of(pid);
    }
    return without_clones(parents);
}

}  // namespace

Job job_of(const std::string& code, const std::string& id) {
    Job job;
    job.id = id;
    job.source = {.name = "job.py", .bytes = code};
    job.policy = "off";
    job.limits.timeout = 10s;
    return job;
}

std::string described(const Result& result) {
    return concat(status_name(result.status), ", ",
                  result.error ? concat(result.error->step, ": ", result.error->message) : "", ", ",
                  result.out.bytes.substr(0, 200), ", ", result.err.bytes.substr(0, 500));
}

std::vector<pid_t> supervisors_of(pid_t host) {
    for (int i = 0; i < kLooks; ++i) {
        auto found = look_for_supervisors(host);
        if (!found.empty()) return found;
        std::this_thread::sleep_for(10ms);
    }
    return {};
}

bool appears(const std::string& path) {
    for (int i = 0; i < kLooks * 2; ++i) {
        if (std::filesystem::exists(path)) return true;
        std::this_thread::sleep_for(10ms);
    }
    return false;
}

}  // namespace vitrine::test
