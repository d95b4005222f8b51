// What a cold run costs: whole processes, side by side, in turn, so that a machine whose speed
// drifts does not favour one of them.

#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/fd.h"

namespace vitrine::bench {
namespace {

using Clock = std::chrono::steady_clock;
using Json = nlohmann::ordered_json;

struct Row {
    const char* name;
    std::vector<std::string> command;
    std::vector<double> wall_ms;
    std::vector<double> cpu_ms;
};

/// The value below which `share` of the sorted samples lie.
double quantile(std::vector<double> samples, double share) {
    std::ranges::sort(samples);
    const auto last = static_cast<double>(samples.size() - 1);
    return samples[static_cast<std::size_t>(std::lround(share * last))];
}

double milliseconds(const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) / 1e3;
}

class SpawnActions {
  public:
    SpawnActions(int stdout_fd) {
        ::posix_spawn_file_actions_init(&actions_);
        ::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        ::posix_spawn_file_actions_adddup2(&actions_, stdout_fd, STDOUT_FILENO);
        ::posix_spawn_file_actions_addopen(&actions_, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    }
    ~SpawnActions() { ::posix_spawn_file_actions_destroy(&actions_); }
    SpawnActions(const SpawnActions&) = delete;
    SpawnActions& operator=(const SpawnActions&) = delete;

    const posix_spawn_file_actions_t* get() const { return &actions_; }

  private:
    posix_spawn_file_actions_t actions_{};
};

/// Starts `command` with its stdout at `stdout_fd`.
pid_t start(const std::vector<std::string>& command, int stdout_fd) {
    std::vector<char*> words;
    for (const std::string& word : command)
        words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    const SpawnActions actions(stdout_fd);
    pid_t pid = 0;
    const int outcome =
        ::posix_spawn(&pid, words[0], actions.get(), nullptr, words.data(), environ);
    if (outcome != 0) throw Error(concat("cannot start '", words[0], "': errno ", outcome));
    return pid;
}

/// Waits for `pid`; throws if it did not end with 0: a failed run must not count as a fast one.
rusage finish(pid_t pid, const std::string& name) {
    int status = 0;
    rusage usage{};
    check(::wait4(pid, &status, 0, &usage), concat("waiting for '", name, "'"), "wait4");
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        throw Error(concat("'", name, "' failed with wait status ", status));
    }
    return usage;
}

void measure(Row& row, int null_fd) {
    const auto before = Clock::now();
    const rusage usage = finish(start(row.command, null_fd), row.name);
    const std::chrono::duration<double, std::milli> taken = Clock::now() - before;
    row.wall_ms.push_back(taken.count());
    row.cpu_ms.push_back(milliseconds(usage.ru_utime) + milliseconds(usage.ru_stime));
}

/// Medians of `timings_us` over `runs` results.
Json measure_timings(const std::vector<std::string>& command, int runs) {
    std::map<std::string, std::vector<double>> samples;
    for (int i = 0; i < runs; ++i) {
        Pipe pipe = make_pipe();
        const pid_t pid = start(command, pipe.write_end.get());
        pipe.write_end.reset();
        const std::string out = read_all(pipe.read_end.get(), std::size_t{1} << 20);
        (void)finish(pid, command[0]);
        const Json result = Json::parse(out);
        for (const auto& [step, time] : result.at("timings_us").items()) {
            samples[step].push_back(time.get<double>());
        }
    }
    Json medians;
    for (const char* step :
         {"prepare", "fork", "enter", "seccomp", "validate", "run", "teardown", "total"}) {
        medians[step] = quantile(samples.at(step), 0.5);
    }
    return medians;
}

void print(const std::vector<Row>& rows, const Json& timings) {
    std::printf("| command | wall p50 ms | p99 ms | CPU p50 ms | p50 of the first row |\n");
    std::printf("|---|---|---|---|---|\n");
    const double base = quantile(rows.front().wall_ms, 0.5);
    for (const Row& row : rows) {
        const double median = quantile(row.wall_ms, 0.5);
        std::printf("| `%s` | %.2f | %.2f | %.2f | %.2f |\n", row.name, median,
                    quantile(row.wall_ms, 0.99), quantile(row.cpu_ms, 0.5), median / base);
    }
    std::printf("\n| step of `vitrine run` | p50 us |\n|---|---|\n");
    for (const auto& [step, time] : timings.items())
        std::printf("| %s | %.0f |\n", step.c_str(), time.get<double>());
}

Json to_json(const std::vector<Row>& rows, const Json& timings) {
    Json report{{"timings_us_p50", timings}};
    for (const Row& row : rows) {
        report["rows"].push_back(
            {{"name", row.name}, {"wall_ms", row.wall_ms}, {"cpu_ms", row.cpu_ms}});
    }
    return report;
}

void run(int runs, const std::string& report) {
    const std::string python = VITRINE_PYTHON;
    const std::string vitrine = VITRINE_PROGRAM;
    std::vector<Row> rows{{"python3 -I -S -c pass", {python, "-I", "-S", "-c", "pass"}, {}, {}},
                          {"python3 -I -c pass", {python, "-I", "-c", "pass"}, {}, {}},
                          {"vitrine run -c pass", {vitrine, "run", "-q", "-c", "pass"}, {}, {}},
                          {"vitrine run --no-validate -c pass",
                           {vitrine, "run", "-q", "--no-validate", "-c", "pass"},
                           {},
                           {}}};
    const UniqueFd null = open_file("/dev/null", O_WRONLY);
    std::vector<Row> warm_up = rows;
    for (Row& row : warm_up)
        measure(row, null.get());
    for (int i = 0; i < runs; ++i) {
        for (Row& row : rows)
            measure(row, null.get());
    }
    const Json timings =
        measure_timings({vitrine, "run", "-q", "--result", "-", "-c", "pass"}, runs);
    print(rows, timings);
    if (!report.empty()) std::ofstream(report) << to_json(rows, timings).dump(1) << '\n';
}

}  // namespace
}  // namespace vitrine::bench

int main(int argc, char** argv) {
    CLI::App app("Times cold runs beside Python's own start, in turn.", "cold-bench");
    int runs = 30;
    std::string report;
    app.add_option("--runs", runs, "Rounds, each of one run of every command [30]")
        ->check(CLI::Range(1, 100000));
    app.add_option("--report", report, "Also write all samples there, as JSON");
    CLI11_PARSE(app, argc, argv);
    try {
        vitrine::bench::run(runs, report);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "cold-bench: %s\n", error.what());
        return 1;
    }
    return 0;
}
