// Filters: made, loaded, installed, and passed through.
//
//   tools/bench seccomp
#include <benchmark/benchmark.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "kernel/seccomp.h"
#include "seccomp/compile.h"
#include "seccomp/filter.h"
#include "seccomp/load.h"

namespace vitrine::seccomp {
namespace {

constexpr const char* kDefault = "docker-default+hardened";

std::string profiles_directory() {
    return VITRINE_PROFILES;
}

HostFacts host(SubArchitectures sub_architectures) {
    HostFacts facts = host_facts();
    facts.sub_architectures = sub_architectures;
    return facts;
}

/// libseccomp's own program, as it comes when nobody asks for another order: what runc 1.1
/// installs.
Program libseccomps(SubArchitectures sub_architectures) {
    const auto parts = read_parts("docker-default", profiles_directory());
    return compile(resolve(parse_profile(parts.front().json), host(sub_architectures)),
                   Order::kPriority)
        .program;
}

Program ours(const std::string& profile, SubArchitectures sub_architectures) {
    Filter filter =
        compile_filter(read_parts(profile, profiles_directory()), host(sub_architectures));
    if (filter.programs.size() != 1) throw Error(filter.warning);
    return std::move(filter.programs.front());
}

Program allow_all() {
    return {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
}

/// A directory for compiled programs, removed with the object.
class CacheDirectory {
  public:
    CacheDirectory() {
        // Not in /tmp: a cache below what others may write to is not trusted.
        std::string name = concat(profiles_directory(), "/../bench-cache-XXXXXX");
        if (::mkdtemp(name.data()) == nullptr) throw SystemError("making a cache", "mkdtemp");
        path_ = name;
    }
    ~CacheDirectory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    CacheDirectory(const CacheDirectory&) = delete;
    CacheDirectory& operator=(const CacheDirectory&) = delete;
    const std::string& path() const { return path_; }

  private:
    std::string path_;
};

void compile_with_libseccomp(benchmark::State& state, SubArchitectures sub_architectures) {
    for (auto _ : state)
        benchmark::DoNotOptimize(libseccomps(sub_architectures));
}

void compile_shorten_and_prove(benchmark::State& state, SubArchitectures sub_architectures) {
    for (auto _ : state)
        benchmark::DoNotOptimize(ours(kDefault, sub_architectures));
}

void expect_origin(benchmark::State& state, const FilterSources& sources, const char* profile,
                   Origin origin) {
    if (load_filter(profile, sources).origin != origin) state.SkipWithError("came from elsewhere");
}

/// The default, compiled when Vitrine was built.
void load_precompiled_default(benchmark::State& state) {
    const FilterSources sources{.profiles_directory = profiles_directory(), .cache_directory = {}};
    expect_origin(state, sources, kDefault, Origin::kPrecompiled);
    for (auto _ : state)
        benchmark::DoNotOptimize(load_filter(kDefault, sources));
}

/// A profile that an earlier run compiled.
void load_from_cache(benchmark::State& state) {
    const CacheDirectory cache;
    const FilterSources sources{.profiles_directory = profiles_directory(),
                                .cache_directory = cache.path()};
    const std::string profile = concat(profiles_directory(), "/docker-default.json");
    (void)load_filter(profile, sources);
    expect_origin(state, sources, profile.c_str(), Origin::kCache);
    for (auto _ : state)
        benchmark::DoNotOptimize(load_filter(profile, sources));
}

/// Seconds that `measure` returns in a new process: a filter stays for good.
template <typename Measure>
double in_new_process(const Measure& measure) {
    Pipe pipe = make_pipe();
    const pid_t child = check(::fork(), "starting a process", "fork");
    if (child == 0) {
        ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        const double seconds = measure();
        const bool told = ::write(pipe.write_end.get(), &seconds, sizeof seconds) == sizeof seconds;
        ::_exit(told ? 0 : 1);
    }
    pipe.write_end.reset();
    double seconds = 0;
    const ssize_t got = ::read(pipe.read_end.get(), &seconds, sizeof seconds);
    ::waitpid(child, nullptr, 0);
    if (got != sizeof seconds) throw Error("the process did not say how long it took");
    return seconds;
}

double since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

double time_of_install(const Program& program) {
    return in_new_process([&] {
        const auto start = Clock::now();
        kernel::install_filter(program);
        return since(start);
    });
}

void install(benchmark::State& state, const Program& program) {
    for (auto _ : state)
        state.SetIterationTime(time_of_install(program));
    state.counters["instructions"] = static_cast<double>(program.size());
}

/// What a getppid takes under `program`, or under nothing.
double time_of_call(const Program& program) {
    constexpr int kCalls = 200000;
    return in_new_process([&] {
        if (!program.empty()) kernel::install_filter(program);
        const auto start = Clock::now();
        for (int i = 0; i < kCalls; ++i)
            ::syscall(SYS_getppid);
        return since(start) / kCalls;
    });
}

void allowed_call(benchmark::State& state, const Program& program) {
    for (auto _ : state)
        state.SetIterationTime(time_of_call(program));
}

struct NamedProgram {
    std::string name;
    Program program;
};

std::vector<NamedProgram> programs() {
    constexpr auto kNative = SubArchitectures::kOff;
    constexpr auto kAll = SubArchitectures::kOn;
    return {{"one instruction, allow all", allow_all()},
            {"libseccomp, docker-default, native", libseccomps(kNative)},
            {"ours, docker-default, native", ours("docker-default", kNative)},
            {"ours, docker-default+hardened, native", ours(kDefault, kNative)},
            {"libseccomp, docker-default, x86 and x32 too", libseccomps(kAll)},
            {"ours, docker-default, x86 and x32 too", ours("docker-default", kAll)},
            {"ours, docker-default+hardened, x86 and x32 too", ours(kDefault, kAll)}};
}

void register_all(const std::vector<NamedProgram>& all) {
    using benchmark::kMicrosecond;
    using benchmark::kMillisecond;
    using benchmark::kNanosecond;
    benchmark::RegisterBenchmark("compile/libseccomp, native", &compile_with_libseccomp,
                                 SubArchitectures::kOff)
        ->Unit(kMillisecond);
    benchmark::RegisterBenchmark("compile/ours with its proof, native", &compile_shorten_and_prove,
                                 SubArchitectures::kOff)
        ->Unit(kMillisecond);
    benchmark::RegisterBenchmark("compile/libseccomp, x86 and x32 too", &compile_with_libseccomp,
                                 SubArchitectures::kOn)
        ->Unit(kMillisecond);
    benchmark::RegisterBenchmark("compile/ours with its proof, x86 and x32 too",
                                 &compile_shorten_and_prove, SubArchitectures::kOn)
        ->Unit(kMillisecond);
    benchmark::RegisterBenchmark("load/precompiled default", &load_precompiled_default)
        ->Unit(kMicrosecond);
    benchmark::RegisterBenchmark("load/cache hit", &load_from_cache)->Unit(kMicrosecond);
    for (const NamedProgram& one : all) {
        benchmark::RegisterBenchmark(("install/" + one.name).c_str(), &install, one.program)
            ->UseManualTime()
            ->Iterations(500)
            ->Unit(kMicrosecond);
    }
    benchmark::RegisterBenchmark("getppid/unfiltered", &allowed_call, Program{})
        ->UseManualTime()
        ->Iterations(20)
        ->Unit(kNanosecond);
    for (const NamedProgram& one : all) {
        benchmark::RegisterBenchmark(("getppid/" + one.name).c_str(), &allowed_call, one.program)
            ->UseManualTime()
            ->Iterations(20)
            ->Unit(kNanosecond);
    }
}

}  // namespace
}  // namespace vitrine::seccomp

int main(int argc, char** argv) {
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 125;
    try {
        vitrine::seccomp::register_all(vitrine::seccomp::programs());
        benchmark::RunSpecifiedBenchmarks();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "seccomp-bench: %s\n", error.what());
        return 1;
    }
    return 0;
}
