// What a warm run costs: through an engine in this process, paced and saturated, beside Python's
// own start and beside a bare fork of as much memory.

#include <spawn.h>
#include <sys/mman.h>
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
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "runtime/engine.h"
#include "runtime/job_defaults.h"

namespace vitrine::bench {
namespace {

using Clock = std::chrono::steady_clock;
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

/// Of this process and of every child that was waited for.
double cpu_us() {
    double total = 0;
    for (const auto who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
        rusage usage{};
        check(::getrusage(who, &usage), "reading CPU time", "getrusage");
        total += microseconds(usage.ru_utime) + microseconds(usage.ru_stime);
    }
    return total;
}

Job empty_job(const Options& options) {
    Job job;
    job.source = {.name = "empty.py", .bytes = "pass\n"};
    job.rootfs = options.rootfs;
    job.limits.timeout = 10s;
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

Row python(const Options& options, const char* name, std::vector<std::string> command) {
    Row row{.name = name};
    std::vector<char*> words;
    for (std::string& word : command)
        words.push_back(word.data());
    words.push_back(nullptr);
    const int runs = std::min(options.runs, 50);
    const double cpu_before = cpu_us();
    for (int i = 0; i < runs; ++i) {
        const auto start = Clock::now();
        pid_t pid = 0;
        if (::posix_spawn(&pid, words[0], nullptr, nullptr, words.data(), environ) != 0) {
            throw Error(concat("cannot run '", words[0], "'"));
        }
        check(::waitpid(pid, nullptr, 0), "waiting", "waitpid");
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
    rows.push_back(paced(options, false));
    rows.push_back(saturated(options, options.workers, false, options.runs));
    rows.push_back(saturated(options, 10, false, options.runs));
    rows.push_back(saturated(options, 1000, false, std::max(options.runs, 3000)));
    rows.push_back(saturated(options, options.workers, true, options.runs / 10 + 1));
    print(rows);
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
