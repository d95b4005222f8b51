// What a warm run costs: through an engine in this process, paced and saturated, beside Python's
// own start and beside a bare fork of as much memory.

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/error.h"
#include "runtime/engine.h"
#include "runtime/job_defaults.h"
#include "samples.h"

namespace vitrine::bench {
namespace {

using Json = nlohmann::ordered_json;
using namespace std::chrono_literals;

struct Options {
    int runs = 2000;
    int per_second = 200;
    unsigned workers = std::thread::hardware_concurrency();
    std::string rootfs = VITRINE_BUILD_ROOT "/rootfs/minimal";
    std::vector<std::string> modules;
    std::string report;
};

struct Row {
    std::string name;
    std::vector<double> wall_us;
    double cpu_us_per_run = 0;
    double runs_per_second = 0;
};

Job empty_job(const Options& options) {
    Job job;
    job.source = {.name = "empty.py", .bytes = "pass\n"};
    job.rootfs = options.rootfs;
    job.limits.timeout = 10s;
    job.limits.memory_bytes = std::uint64_t{2} << 30;
    job.environment = runtime::default_environment(job.limits);
    return job;
}

std::unique_ptr<runtime::Engine> make_engine(const Options& options, unsigned workers,
                                             bool is_cold) {
    return runtime::make_engine({.profiles = VITRINE_BUILD_ROOT "/profiles",
                                 .workers = workers,
                                 .is_cold = is_cold,
                                 .preload = {.modules = options.modules, .script = {}}});
}

void expect_success(const runtime::RunReport& report) {
    const Result& result = report.result;
    if (result.status == Status::kExited && result.exit_code == 0) return;
    throw Error(concat("a run ended with status ", static_cast<int>(result.status), ", signal ",
                       result.signal.value_or(0), ": ",
                       result.error ? result.error->message : result.err.bytes));
}

/// Submits at a fixed pace, whether the last one is answered or not.
Row paced(const Options& options, bool is_cold) {
    Row row{.name = concat(is_cold ? "cold" : "warm", ", ", options.per_second, "/s")};
    const auto engine = make_engine(options, options.workers * 2, is_cold);
    const Job job = empty_job(options);
    const auto gap = std::chrono::nanoseconds(1'000'000'000 / options.per_second);
    const int warm_up = options.per_second / 2;
    Clock::time_point next = Clock::now() + 100ms;
    for (int i = 0; i < options.runs + warm_up;) {
        const auto now = Clock::now();
        if (now >= next) {
            const auto due = next;
            engine->submit(job, [&row, due, i, warm_up](const runtime::RunReport& report) {
                expect_success(report);
                if (i >= warm_up) row.wall_us.push_back(microseconds_since(due));
            });
            next += gap;
            ++i;
        }
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(next - now);
        engine->turn(std::max(left, 0ms));
    }
    while (engine->pending() > 0)
        engine->turn(100ms);
    return row;
}

/// As many as the workers can take.
Row saturated(const Options& options, unsigned workers, bool is_cold, int runs) {
    Row row{.name = concat(is_cold ? "cold" : "warm", ", ", workers, " at a time")};
    const double cpu_before = cpu_us();
    const auto start = Clock::now();
    {
        const auto engine = make_engine(options, workers, is_cold);
        const Job job = empty_job(options);
        int submitted = 0;
        while (submitted < runs || engine->pending() > 0) {
            while (submitted < runs && engine->pending() < 2 * std::size_t{workers}) {
                const auto begin = Clock::now();
                engine->submit(job, [&row, begin](const runtime::RunReport& report) {
                    expect_success(report);
                    row.wall_us.push_back(microseconds_since(begin));
                });
                ++submitted;
            }
            engine->turn(100ms);
        }
        row.runs_per_second = runs / (microseconds_since(start) / 1e6);
    }
    row.cpu_us_per_run = (cpu_us() - cpu_before) / runs;
    return row;
}

Row python(const Options& options, const char* name, const std::vector<std::string>& command) {
    Row row{.name = name};
    const int runs = std::min(options.runs, 50);
    const double cpu_before = cpu_us();
    for (int i = 0; i < runs; ++i) {
        const auto start = Clock::now();
        run_to_end(command);
        row.wall_us.push_back(microseconds_since(start));
    }
    row.cpu_us_per_run = (cpu_us() - cpu_before) / runs;
    return row;
}

/// The floor: fork, _exit and wait of a process with as many private pages as a warm heap.
Row bare_fork(const Options& options) {
    constexpr std::size_t kHeap = std::size_t{8} << 20;
    Row row{.name = "fork, _exit, wait (8 MiB heap)"};
    void* heap = ::mmap(nullptr, kHeap, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    const double cpu_before = cpu_us();
    for (int i = 0; i < options.runs; ++i) {
        const auto start = Clock::now();
        const pid_t pid = check(::fork(), "forking", "fork");
        if (pid == 0) ::_exit(0);
        check(::waitpid(pid, nullptr, 0), "waiting", "waitpid");
        row.wall_us.push_back(microseconds_since(start));
    }
    row.cpu_us_per_run = (cpu_us() - cpu_before) / options.runs;
    ::munmap(heap, kHeap);
    return row;
}

/// A line of /proc/PID/`file`; empty where there is none.
std::string line_of(const std::string& pid, const char* file, std::string_view key) {
    std::ifstream lines(concat("/proc/", pid, "/", file));
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with(key)) return line.substr(key.size());
    }
    return {};
}

struct Memory {
    double proportional_kib = 0;  ///< What is shared is divided by how many share it.
    double private_kib = 0;
};

double kib_of(const std::string& pid, const char* key) {
    const std::string value = line_of(pid, "smaps_rollup", key);
    return value.empty() ? 0 : std::stod(value);
}

/// Of a parked sandbox, init and payload together.
Memory parked_memory(const Options& options) {
    constexpr unsigned kParked = 20;
    const auto engine = make_engine(options, kParked, false);
    const Job job = empty_job(options);
    // As many at a time as will be parked afterwards.
    for (unsigned i = 0; i < 10 * kParked; ++i)
        engine->submit(job, &expect_success);
    while (engine->pending() > 0)
        engine->turn(100ms);
    for (int i = 0; i < 20; ++i)
        engine->turn(50ms);
    Memory sum;
    int inits = 0;
    std::ifstream children(concat("/proc/self/task/", ::getpid(), "/children"));
    for (std::string pid; children >> pid;) {
        // Its pid here and its pid in a namespace of its own: it is in a sandbox.
        std::istringstream pids(line_of(pid, "status", "NSpid:"));
        std::string outside;
        std::string inside;
        if (!(pids >> outside >> inside)) continue;
        inits += inside == "1" ? 1 : 0;
        sum.proportional_kib += kib_of(pid, "Pss:");
        sum.private_kib += kib_of(pid, "Private_Dirty:") + kib_of(pid, "Private_Clean:");
    }
    if (inits == 0) throw Error("no sandbox was parked");
    return {sum.proportional_kib / inits, sum.private_kib / inits};
}

/// Nothing where nothing was measured.
std::string cell(double value) {
    return value == 0 ? "" : std::to_string(std::llround(value));
}

void print(const std::vector<Row>& rows) {
    std::printf(
        "| run | p50 us | p99 us | max us | CPU us a run | runs/s |\n|---|---|---|---|---|---|\n");
    for (const Row& row : rows) {
        std::printf("| %s | %.0f | %.0f | %.0f | %s | %s |\n", row.name.c_str(),
                    quantile(row.wall_us, 0.5), quantile(row.wall_us, 0.99),
                    quantile(row.wall_us, 1), cell(row.cpu_us_per_run).c_str(),
                    cell(row.runs_per_second).c_str());
    }
}

void write_report(const std::vector<Row>& rows, const std::string& path) {
    Json report;
    for (const Row& row : rows) {
        report["rows"].push_back({{"name", row.name},
                                  {"wall_us", row.wall_us},
                                  {"cpu_us_per_run", row.cpu_us_per_run},
                                  {"runs_per_second", row.runs_per_second}});
    }
    std::ofstream(path) << report.dump(1) << '\n';
}

void run(const Options& options) {
    std::vector<Row> rows;
    rows.push_back(python(options, "python3 -I -c pass", {VITRINE_PYTHON, "-I", "-c", "pass"}));
    rows.push_back(bare_fork(options));
    if (!options.modules.empty()) {
        std::string imports = "import ";
        for (const std::string& module : options.modules)
            imports += concat(&module == options.modules.data() ? "" : ", ", module);
        rows.push_back(python(options, "python3 -c 'import …'", {VITRINE_PYTHON, "-c", imports}));
    }
    rows.push_back(paced(options, false));
    rows.push_back(saturated(options, options.workers, false, options.runs));
    rows.push_back(saturated(options, 10, false, options.runs));
    rows.push_back(saturated(options, 1000, false, std::max(options.runs, 3000)));
    rows.push_back(saturated(options, options.workers, true, options.runs / 10 + 1));
    print(rows);
    const Memory parked = parked_memory(options);
    std::printf(
        "\nMemory of one of 20 parked sandboxes: %.0f KiB (PSS), of that its own: %.0f KiB\n",
        parked.proportional_kib, parked.private_kib);
    if (!options.report.empty()) write_report(rows, options.report);
}

}  // namespace
}  // namespace vitrine::bench

int main(int argc, char** argv) {
    CLI::App app("Times warm runs, beside what they are measured against.", "warm-bench");
    vitrine::bench::Options options;
    app.add_option("--runs", options.runs, "Runs a row [2000]")->check(CLI::Range(1, 1000000));
    app.add_option("--rate", options.per_second, "Runs a second where they are paced [200]")
        ->check(CLI::Range(1, 100000));
    app.add_option("--rootfs", options.rootfs, "Instead of the build's minimal one");
    app.add_option("--preload", options.modules, "Modules, separated by commas")->delimiter(',');
    app.add_option("--report", options.report, "Also write all samples there, as JSON");
    CLI11_PARSE(app, argc, argv);
    try {
        vitrine::bench::run(options);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "warm-bench: %s\n", error.what());
        return 1;
    }
    return 0;
}
