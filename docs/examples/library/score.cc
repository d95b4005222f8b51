// Scores trading strategies that nobody has read: each is a Python file whose `backtest(closes)`
// returns a number. They run several at a time from a warm interpreter, each in a sandbox of its
// own.
//
//     c++ -std=c++20 -o score score.cc $(pkg-config --cflags --libs vitrine)
//     ./score strategies/*.py

#include <vitrine/runtime.h>

#include <chrono>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iterator>
#include <string>

namespace {

using namespace std::chrono_literals;

constexpr const char* kCloses = "[[101.3, 100.6, 100.9, 99.1, 100.5, 102.2, 101.2, 103.4, 104.4]]";

std::string read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

vitrine::Job make_job(const std::string& path) {
    vitrine::Job job;
    job.id = path;
    job.source = {path, read_file(path)};
    job.entry = vitrine::EntryPoint{"backtest", kCloses};
    job.limits.timeout = 2s;
    job.limits.memory_bytes = std::uint64_t{256} << 20;
    return job;
}

/// What went wrong, in one line.
std::string reason(const vitrine::Result& result) {
    if (result.error) return result.error->message;
    if (!result.findings.empty()) return result.findings.front().message;
    if (result.limit) return "ended by its limit of " + result.limit->name;
    if (result.exception) return result.exception->type + ": " + result.exception->message;
    return "no value";
}

/// Called for one result at a time, in the runtime's own thread.
void print(const vitrine::Result& result) {
    const bool has_score = result.exit_code == 0 && !result.value_json.empty();
    std::printf("%-28s %-12s %s\n", result.id.c_str(), vitrine::status_name(result.status),
                has_score ? result.value_json.c_str() : reason(result).c_str());
}

}  // namespace

int main(int argc, char** argv) {
    try {
        vitrine::RuntimeOptions options;
        options.preload.modules = {"math", "statistics"};
        vitrine::Runtime runtime(options);
        for (int i = 1; i < argc; ++i)
            runtime.submit(make_job(argv[i]), print);
        runtime.wait();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "score: %s\n", error.what());
        return 1;
    }
    return 0;
}
