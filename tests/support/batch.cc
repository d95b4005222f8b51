#include "support/batch.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iterator>
#include <sstream>
#include <thread>

#include "base/error.h"
#include "base/fd.h"

namespace vitrine::test {

std::string lines_of(const std::vector<nlohmann::json>& objects) {
    std::string lines;
    for (const auto& object : objects)
        lines += object.dump() + "\n";
    return lines;
}

Answer batch(const std::string& input, std::vector<std::string> flags) {
    flags.insert(flags.begin(), "batch");
    flags.emplace_back("-");
    return run_vitrine({.arguments = std::move(flags), .input = input});
}

std::vector<nlohmann::json> results_in(const std::string& lines) {
    std::vector<nlohmann::json> results;
    std::istringstream stream(lines);
    for (std::string line; std::getline(stream, line);)
        results.push_back(nlohmann::json::parse(line));
    return results;
}

std::vector<std::string> ids_in(const std::string& lines) {
    std::vector<std::string> ids;
    for (const auto& result : results_in(lines))
        ids.push_back(result["id"]);
    return ids;
}

std::map<std::string, nlohmann::json> results_by_id(const std::string& lines) {
    std::map<std::string, nlohmann::json> results;
    for (auto& result : results_in(lines)) {
        std::string id = result["id"];
        results.emplace(std::move(id), std::move(result));
    }
    return results;
}

pid_t start_vitrine(std::vector<std::string> words, const std::string& err_path) {
    words.insert(words.begin(), vitrine_path());
    const UniqueFd in = open_file("/dev/null", O_RDONLY);
    const UniqueFd err = open_file(err_path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    const pid_t pid = check(::fork(), "starting vitrine", "fork");
    if (pid != 0) return pid;
    ::dup2(in.get(), 0);
    ::dup2(err.get(), 1);
    ::dup2(err.get(), 2);
    execute(std::move(words));
}

Ended await(pid_t pid) {
    int status = 0;
    rusage usage{};
    check(::wait4(pid, &status, 0, &usage), "waiting for vitrine", "wait4");
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), usage.ru_maxrss};
}

bool await_lines(const std::string& path, std::size_t count) {
    for (int i = 0; i < 1000 * time_scale(); ++i) {
        std::ifstream file(path);
        const auto lines = std::count(std::istreambuf_iterator<char>(file), {}, '\n');
        if (static_cast<std::size_t>(lines) >= count) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return false;
}

}  // namespace vitrine::test
