// What a cold run costs: whole processes, side by side, in turn, so that a machine whose speed
// drifts does not favour one of them.

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "samples.h"

namespace vitrine::bench {
namespace {

using Json = nlohmann::ordered_json;

/// Stands for a name of its own in a row's command.
constexpr const char* kContainerName = "@NAME@";

struct Row {
    const char* name;
    std::vector<std::string> command;
    std::vector<double> wall_ms;
    std::vector<double> cpu_ms;
};

/// The words of a run; no two containers may have one name at a time.
std::vector<std::string> named(std::vector<std::string> command, std::size_t number) {
    for (std::string& word : command) {
        if (word == kContainerName) word = concat("vitrine-bench-", ::getpid(), "-", number);
    }
    return command;
}

void measure(Row& row) {
    const auto command = named(row.command, row.wall_ms.size());
    const double cpu_before = cpu_us();
    const auto before = Clock::now();
    run_to_end(command);
    row.wall_ms.push_back(microseconds_since(before) / 1e3);
    row.cpu_ms.push_back((cpu_us() - cpu_before) / 1e3);
}

/// Medians of `timings_us` over `runs` results.
Json measure_timings(const std::vector<std::string>& command, int runs) {
    std::map<std::string, std::vector<double>> samples;
    for (int i = 0; i < runs; ++i) {
        const Json result = Json::parse(output_of(command));
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

/// The same program in other sandboxes, where there is a bundle for them; see tools/bench.
void add_peers(std::vector<Row>& rows, const std::string& bundle) {
    if (bundle.empty()) return;
    rows.push_back(
        {"bwrap … python3 -I -c pass",
         {"bwrap", "--unshare-all", "--die-with-parent", "--ro-bind", "/", "/", "--proc", "/proc",
          "--dev", "/dev", "--tmpfs", "/tmp", "--", VITRINE_PYTHON, "-I", "-c", "pass"},
         {},
         {}});
    for (const char* runtime : {"crun", "runc"}) {
        rows.push_back({runtime == std::string_view("crun") ? "crun run (python3 -I -c pass)"
                                                            : "runc run (python3 -I -c pass)",
                        {runtime, "run", "--bundle", bundle, kContainerName},
                        {},
                        {}});
    }
}

void run(int runs, const std::string& bundle, const std::string& bigger,
         const std::string& report) {
    const std::string python = VITRINE_PYTHON;
    const std::string vitrine = VITRINE_PROGRAM;
    std::vector<Row> rows{{"python3 -I -S -c pass", {python, "-I", "-S", "-c", "pass"}, {}, {}},
                          {"python3 -I -c pass", {python, "-I", "-c", "pass"}, {}, {}},
                          {"vitrine run -c pass", {vitrine, "run", "-q", "-c", "pass"}, {}, {}},
                          {"vitrine run --no-validate -c pass",
                           {vitrine, "run", "-q", "--no-validate", "-c", "pass"},
                           {},
                           {}},
                          {"vitrine run --no-snapshot -c pass",
                           {vitrine, "run", "-q", "--no-snapshot", "-c", "pass"},
                           {},
                           {}}};
    if (!bigger.empty()) {
        rows.push_back({"vitrine run --rootfs scientific -c pass",
                        {vitrine, "run", "-q", "--rootfs", bigger, "-c", "pass"},
                        {},
                        {}});
    }
    add_peers(rows, bundle);
    std::vector<Row> warm_up = rows;
    for (Row& row : warm_up)
        measure(row);
    for (int i = 0; i < runs; ++i) {
        for (Row& row : rows)
            measure(row);
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
    std::string bundle;
    app.add_option("--runs", runs, "Rounds, each of one run of every command [30]")
        ->check(CLI::Range(1, 100000));
    std::string bigger;
    app.add_option("--bigger-rootfs", bigger, "Also time the recipe 'scientific', which is there");
    app.add_option("--bundle", bundle, "An OCI bundle: also time bwrap, crun and runc");
    app.add_option("--report", report, "Also write all samples there, as JSON");
    CLI11_PARSE(app, argc, argv);
    try {
        vitrine::bench::run(runs, bundle, bigger, report);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "cold-bench: %s\n", error.what());
        return 1;
    }
    return 0;
}
