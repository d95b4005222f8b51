// What layer 1 costs: reading a source, walking its tree against the default policy.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "python/policy_file.h"
#include "python/source_check.h"
#include "python/validator.h"
#include "support/interpreter.h"

namespace vitrine::bench {
namespace {

using python::Api;
using python::Ref;

const Api& api() {
    static const python::Interpreter interpreter = test::start_interpreter(VITRINE_ROOTFS);
    return interpreter.api();
}

const python::Policy& policy() {
    static const python::Policy loaded =
        python::load_policy("strategy", VITRINE_SOURCE_ROOT "/profiles/policy");
    return loaded;
}

Ref parse(const std::string& source) {
    PyCompilerFlags flags{};
    flags.cf_flags = PyCF_ONLY_AST;
    flags.cf_feature_version = PY_MINOR_VERSION;
    Ref tree(api(),
             api().Py_CompileStringExFlags(source.c_str(), "<bench>", Py_file_input, &flags, -1));
    if (!tree) throw Error("the program does not parse");
    return tree;
}

void validate(benchmark::State& state, const std::string& source) {
    const Ref tree = parse(source);
    for (auto _ : state) {
        auto findings = python::check_source(source, policy());
        if (findings.empty()) findings = python::validate(api(), tree.get(), source, policy());
        if (!findings.empty()) return state.SkipWithError(findings.front().message.c_str());
        benchmark::DoNotOptimize(findings);
    }
}

void parse_only(benchmark::State& state, const std::string& source) {
    for (auto _ : state)
        benchmark::DoNotOptimize(parse(source).get());
}

/// The HumanEval program of median length that the policy allows; empty where the corpus is not.
std::string median_program() {
    const char* shared = ::getenv("VITRINE_SHARED");  // NOLINT(concurrency-mt-unsafe)
    std::ifstream corpus(concat(shared != nullptr ? shared : VITRINE_SOURCE_ROOT "/../shared",
                                "/corpora/humaneval.jsonl"));
    std::vector<std::string> programs;
    for (std::string line; std::getline(corpus, line);) {
        const auto task = nlohmann::json::parse(line);
        programs.push_back(concat(task["prompt"].get<std::string>(),
                                  task["canonical_solution"].get<std::string>(), "\n",
                                  task["test"].get<std::string>(), "\ncheck(",
                                  task["entry_point"].get<std::string>(), ")\n"));
    }
    if (programs.empty()) return {};
    const auto middle = programs.begin() + static_cast<std::ptrdiff_t>(programs.size() / 2);
    std::ranges::nth_element(programs, middle, {}, &std::string::size);
    return *middle;
}

/// The example strategy as often as makes a thousand lines.
std::string thousand_lines() {
    const std::string one =
        read_file(VITRINE_SOURCE_ROOT "/docs/examples/strategy.py", std::size_t{1} << 20);
    std::string all;
    while (std::ranges::count(all, '\n') < 1000)
        all += one + "\n";
    return all;
}

/// The same, with something in it that layer 1 has to follow through the whole program.
std::string thousand_lines_followed() {
    return concat(thousand_lines(),
                  "class Point:\n"
                  "    def __init__(self, x, y, z):\n"
                  "        self.parts = (x, y, z)\n"
                  "    def moved(self, by):\n"
                  "        return type(self)(*(part + by for part in self.parts))\n"
                  "print(Point(1, 2, 3).moved(1).parts)\n");
}

void add(const std::string& name, const std::string& source) {
    const auto lines = std::ranges::count(source, '\n');
    for (const auto& [what, action] : {std::pair{"validate", &validate}, {"parse", &parse_only}}) {
        benchmark::RegisterBenchmark(concat(what, "/", name, "/", lines, "_lines").c_str(), action,
                                     source)
            ->Unit(benchmark::kMicrosecond);
    }
}

}  // namespace
}  // namespace vitrine::bench

int main(int argc, char** argv) {
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
    if (const std::string median = vitrine::bench::median_program(); !median.empty()) {
        vitrine::bench::add("humaneval_median", median);
    } else {
        benchmark::AddCustomContext("not run", "the HumanEval corpus is not here");
    }
    vitrine::bench::add("strategy", vitrine::bench::thousand_lines());
    vitrine::bench::add("followed", vitrine::bench::thousand_lines_followed());
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
