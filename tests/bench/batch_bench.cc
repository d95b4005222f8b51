// What a batch of small programs takes, beside the same programs without any sandbox; and what a
// sandbox costs a program while it runs. Whole commands, in turn.

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "samples.h"

namespace vitrine::bench {
namespace {

using Json = nlohmann::ordered_json;

struct Options {
    int programs = 1000;
    int rounds = 5;
    std::string humaneval;  ///< The corpus; empty where there is none.
    std::string report;
};

struct Row {
    std::string name;
    std::vector<std::string> command;
    double programs;
    std::vector<double> wall_ms;
    std::vector<double> cpu_ms;
};

/// Removed with everything in it.
class Directory {
  public:
    Directory()
        : path_(std::filesystem::temp_directory_path() / concat("batch-bench-", ::getpid())) {
        std::filesystem::create_directories(path_);
    }
    ~Directory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    Directory(const Directory&) = delete;
    Directory& operator=(const Directory&) = delete;

    std::string write(const std::string& name, const std::string& text) const {
        const std::string path = path_ / name;
        std::ofstream(path) << text;
        return path;
    }

  private:
    std::filesystem::path path_;
};

void measure(std::vector<Row>& rows, int rounds) {
    for (int i = 0; i < rounds; ++i) {
        for (Row& row : rows) {
            const double cpu_before = cpu_us();
            const auto start = Clock::now();
            run_to_end(row.command);
            row.wall_ms.push_back(microseconds_since(start) / 1e3);
            row.cpu_ms.push_back((cpu_us() - cpu_before) / 1e3);
        }
    }
}

void print(const std::vector<Row>& rows) {
    std::printf("| programs | wall ms | programs/s | times the first row | CPU us a program |\n");
    std::printf("|---|---|---|---|---|\n");
    const double base = quantile(rows.front().wall_ms, 0.5);
    for (const Row& row : rows) {
        const double wall = quantile(row.wall_ms, 0.5);
        std::printf("| %s | %.0f | %.0f | %.2f | %.0f |\n", row.name.c_str(), wall,
                    row.programs / wall * 1e3, base / wall,
                    quantile(row.cpu_ms, 0.5) / row.programs * 1e3);
    }
    std::printf("\n");
}

std::vector<Row> empty_programs(const Options& options, const Directory& directory) {
    std::string lines;
    std::string numbers;
    for (int i = 0; i < options.programs; ++i) {
        lines += R"({"source":"pass\n"})"
                 "\n";
        numbers += "x\n";
    }
    const std::string jobs = directory.write("empty.jsonl", lines);
    const std::string arguments = directory.write("numbers", numbers);
    const std::string cores = std::to_string(std::thread::hardware_concurrency());
    const auto count = static_cast<double>(options.programs);
    return {{"`xargs -P` over `python3 -I -c pass`",
             {"xargs", "-a", arguments, "-P", cores, "-n", "1", VITRINE_PYTHON, "-I", "-c", "pass"},
             count,
             {},
             {}},
            {"`vitrine batch`", {VITRINE_PROGRAM, "batch", "-q", jobs}, count, {}, {}},
            {"`vitrine batch --fresh-networks`",
             {VITRINE_PROGRAM, "batch", "-q", "--fresh-networks", jobs},
             count,
             {},
             {}}};
}

/// HumanEval: each program with its tests, one after the other and as a batch. Number 160 calls
/// eval() and is refused, which costs no less.
std::vector<Row> humaneval(const Options& options, const Directory& directory) {
    std::istringstream corpus(read_file(options.humaneval, std::size_t{64} << 20));
    std::string jobs;
    std::string script;
    double count = 0;
    for (std::string line; std::getline(corpus, line); ++count) {
        const Json task = Json::parse(line);
        const std::string source = concat(task.at("prompt").get<std::string>(),
                                          task.at("canonical_solution").get<std::string>(), "\n",
                                          task.at("test").get<std::string>(), "\ncheck(",
                                          task.at("entry_point").get<std::string>(), ")\n");
        jobs += Json{{"source", source}}.dump() + "\n";
        const std::string path = directory.write(concat("task-", count, ".py"), source);
        script += concat(VITRINE_PYTHON, " ", path, "\n");
    }
    return {{"one `python3` after the other",
             {"sh", "-e", directory.write("all.sh", script)},
             count,
             {},
             {}},
            {"`vitrine batch`, validated",
             {VITRINE_PROGRAM, "batch", "-q", directory.write("tasks.jsonl", jobs)},
             count,
             {},
             {}}};
}

constexpr const char* kNumbers = R"(
import time
def work():
    total = 0
    for i in range(3000000):
        total += i * i % 7
    return total
work()
start = time.perf_counter()
work()
print(time.perf_counter() - start)
)";
constexpr const char* kCalls = R"(
import os, time
start = time.perf_counter()
for _ in range(300000):
    os.getppid()
print(time.perf_counter() - start)
)";

/// Medians, by the program's own clock.
void steady_state(const Options& options, const Directory& directory, Json& report) {
    const std::string numbers = directory.write("numbers.py", kNumbers);
    const std::string calls = directory.write("calls.py", kCalls);
    const std::string open =
        directory.write("open.json", R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": []})");
    const auto inside = [](const std::string& script, std::vector<std::string> flags) {
        std::vector<std::string> command{VITRINE_PROGRAM, "run", "-q", "--no-validate"};
        command.insert(command.end(), flags.begin(), flags.end());
        command.push_back(script);
        return command;
    };
    struct Pair {
        const char* name;
        std::vector<std::string> with;
        std::vector<std::string> without;
    };
    const std::vector<Pair> pairs{
        {"numbers only: inside / outside, the same libpython",
         inside(numbers, {}),
         {VITRINE_PYTHON_OUTSIDE, "-I", numbers}},
        {"numbers only: outside, libpython / python3",
         {VITRINE_PYTHON_OUTSIDE, "-I", numbers},
         {VITRINE_PYTHON, "-I", numbers}},
        {"300,000 getppid(): the default filter / one that allows all", inside(calls, {}),
         inside(calls, {"--security-opt", "seccomp=" + open})},
        {"300,000 getppid(): with --explain-denied / without", inside(calls, {"--explain-denied"}),
         inside(calls, {})},
        {"numbers only: with --explain-denied / without", inside(numbers, {"--explain-denied"}),
         inside(numbers, {})}};
    std::printf("| program | with, ms | without, ms | ratio |\n|---|---|---|---|\n");
    for (const Pair& pair : pairs) {
        std::vector<double> with;
        std::vector<double> without;
        for (int i = 0; i < 3 * options.rounds; ++i) {
            with.push_back(std::stod(output_of(pair.with)) * 1e3);
            without.push_back(std::stod(output_of(pair.without)) * 1e3);
        }
        const double ratio = quantile(with, 0.5) / quantile(without, 0.5);
        std::printf("| %s | %.1f | %.1f | %.3f |\n", pair.name, quantile(with, 0.5),
                    quantile(without, 0.5), ratio);
        report["steady"].push_back(
            {{"name", pair.name}, {"with_ms", with}, {"without_ms", without}});
    }
}

void add(Json& report, const std::vector<Row>& rows) {
    for (const Row& row : rows) {
        report["rows"].push_back({{"name", row.name},
                                  {"programs", row.programs},
                                  {"wall_ms", row.wall_ms},
                                  {"cpu_ms", row.cpu_ms}});
    }
}

void run(const Options& options) {
    const Directory directory;
    Json report;
    std::vector<Row> empty = empty_programs(options, directory);
    measure(empty, options.rounds);
    std::printf("%d empty programs:\n\n", options.programs);
    print(empty);
    add(report, empty);
    if (options.humaneval.empty()) {
        std::printf("No HumanEval corpus was given (--humaneval): its rows are missing.\n\n");
    } else {
        std::vector<Row> tasks = humaneval(options, directory);
        measure(tasks, options.rounds);
        std::printf("HumanEval:\n\n");
        print(tasks);
        add(report, tasks);
    }
    steady_state(options, directory, report);
    if (!options.report.empty()) std::ofstream(options.report) << report.dump(1) << '\n';
}

}  // namespace
}  // namespace vitrine::bench

int main(int argc, char** argv) {
    CLI::App app("Times batches beside the same programs without a sandbox.", "batch-bench");
    vitrine::bench::Options options;
    app.add_option("--programs", options.programs, "Empty programs in a batch [1000]")
        ->check(CLI::Range(1, 1000000));
    app.add_option("--rounds", options.rounds, "Rounds of each command [5]")
        ->check(CLI::Range(1, 1000));
    app.add_option("--humaneval", options.humaneval, "The corpus as JSON lines");
    app.add_option("--report", options.report, "Also write all samples there, as JSON");
    CLI11_PARSE(app, argc, argv);
    try {
        vitrine::bench::run(options);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "batch-bench: %s\n", error.what());
        return 1;
    }
    return 0;
}
