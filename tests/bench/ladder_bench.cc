// The isolation ladder: what each layer adds to a bare fork of a warm heap. Every rung does what
// the one before it does, and one thing more; the last is a warm run through an engine, one after
// the other, with an interpreter and a program in it.

#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "kernel/landlock.h"
#include "kernel/process.h"
#include "kernel/seccomp.h"
#include "limits/cgroup_tree.h"
#include "runtime/engine.h"
#include "runtime/job_defaults.h"
#include "runtime/plan.h"
#include "samples.h"

namespace vitrine::bench {
namespace {

using Json = nlohmann::ordered_json;

struct Options {
    int runs = 1000;
    std::string report;
};

struct Rung {
    std::string name;
    std::vector<double> wall_us;
    double cpu_us_per_run = 0;
};

/// As many private pages as a warm interpreter has.
class Heap {
  public:
    Heap()
        : pages_(::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0)) {
        if (pages_ == MAP_FAILED) throw SystemError("making a heap", "mmap");
    }
    ~Heap() { ::munmap(pages_, kBytes); }
    Heap(const Heap&) = delete;
    Heap& operator=(const Heap&) = delete;

  private:
    static constexpr std::size_t kBytes = std::size_t{8} << 20;
    void* pages_;
};

/// What the child of a rung is born in and does before it ends.
struct Ways {
    std::uint64_t namespaces = 0;
    bool has_leaf = false;
    bool has_filter = false;
    bool has_fence = false;
};

class Ladder {
  public:
    explicit Ladder(const Options& options)
        : options_(options), tree_(limits::CgroupTree::discover()) {
        Job job = empty_job();
        filter_ =
            runtime::plan_confinement(job, VITRINE_BUILD_ROOT "/profiles", false).filter.programs;
    }

    void climb() {
        Ways ways;
        step("fork", ways);
        ways.namespaces = CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS |
                          CLONE_NEWCGROUP;
        step("+ user, pid, mnt, ipc, uts, cgroup namespaces", ways);
        ways.namespaces |= CLONE_NEWNET;
        step("+ network namespace", ways);
        ways.has_leaf = tree_.has_value();
        if (ways.has_leaf) step("+ cgroup leaf", ways);
        ways.has_filter = true;
        step("+ seccomp filter", ways);
        ways.has_fence = true;
        step("+ Landlock", ways);
        all("warm run, everything fresh", true);
        all("warm run, clean networks handed on", false);
    }

    void print() const {
        if (!tree_)
            std::printf("No rung for a cgroup leaf: %s.\n\n", tree_.error().message.c_str());
        std::printf(
            "| rung | p50 us | p99 us | CPU us | p50 of a bare fork |\n|---|---|---|---|---|\n");
        const double base = quantile(rungs_.front().wall_us, 0.5);
        for (const Rung& rung : rungs_) {
            const double median = quantile(rung.wall_us, 0.5);
            std::printf("| %s | %.0f | %.0f | %.0f | %.1f |\n", rung.name.c_str(), median,
                        quantile(rung.wall_us, 0.99), rung.cpu_us_per_run, median / base);
        }
    }

    void report() const {
        if (options_.report.empty()) return;
        Json report;
        for (const Rung& rung : rungs_) {
            report["rows"].push_back({{"name", rung.name},
                                      {"wall_us", rung.wall_us},
                                      {"cpu_us_per_run", rung.cpu_us_per_run}});
        }
        std::ofstream(options_.report) << report.dump(1) << '\n';
    }

  private:
    static Job empty_job() {
        Job job;
        job.source = {.name = "empty.py", .bytes = "pass\n"};
        job.rootfs = VITRINE_BUILD_ROOT "/rootfs/minimal";
        job.limits.timeout = std::chrono::seconds(10);
        job.environment = runtime::default_environment(job.limits);
        return job;
    }

    void confine(const Ways& ways) const {
        if (!ways.has_filter && !ways.has_fence) return;
        check(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "confining", "prctl");
        if (ways.has_fence) {
            (void)kernel::fence_filesystem(
                {.readable = {"/usr", "/proc"}, .writable = {"/tmp"}, .devices = {"/dev"}});
        }
        if (!ways.has_filter) return;
        for (const auto& program : filter_)
            kernel::install_filter(program);
    }

    void run_once(const Ways& ways) const {
        std::optional<limits::CgroupLeaf> leaf;
        if (ways.has_leaf) leaf.emplace(tree_->make_leaf({}, 10));
        const kernel::Cloned child =
            kernel::clone_process({.flags = ways.namespaces,
                                   .exit_signal = SIGCHLD,
                                   .cgroup_fd = leaf ? leaf->directory_fd() : -1});
        if (child.pid == 0) {
            try {
                confine(ways);
            } catch (...) {
                ::_exit(1);
            }
            ::_exit(0);
        }
        const kernel::Ended ended = kernel::wait_for(child.pidfd.get());
        if (ended.by_signal || ended.code != 0) throw Error("a rung's child could not be confined");
    }

    void measure(const std::string& name, const std::function<void()>& run) {
        Rung rung{.name = name};
        const double cpu_before = cpu_us();
        for (int i = 0; i < options_.runs; ++i) {
            const auto start = Clock::now();
            run();
            rung.wall_us.push_back(microseconds_since(start));
        }
        rung.cpu_us_per_run = (cpu_us() - cpu_before) / options_.runs;
        rungs_.push_back(std::move(rung));
    }

    void step(const char* name, const Ways& ways) {
        const Heap heap;
        measure(name, [&] { run_once(ways); });
    }

    void all(const char* name, bool has_fresh_networks) {
        const auto engine = runtime::make_engine({.profiles = VITRINE_BUILD_ROOT "/profiles",
                                                  .workers = 1,
                                                  .has_fresh_networks = has_fresh_networks});
        const Job job = empty_job();
        const auto run = [&] {
            bool is_done = false;
            engine->submit(job, [&](const runtime::RunReport& report) {
                if (report.exit_code != 0) throw Error("a warm run failed");
                is_done = true;
            });
            while (!is_done)
                engine->turn(std::chrono::milliseconds(100));
        };
        run();
        measure(name, run);
    }

    const Options& options_;
    std::expected<limits::CgroupTree, limits::Unavailable> tree_;
    std::vector<std::vector<sock_filter>> filter_;
    std::vector<Rung> rungs_;
};

}  // namespace
}  // namespace vitrine::bench

int main(int argc, char** argv) {
    CLI::App app("Times a fork with one layer more at each rung.", "ladder-bench");
    vitrine::bench::Options options;
    app.add_option("--runs", options.runs, "Runs a rung [1000]")->check(CLI::Range(1, 1000000));
    app.add_option("--report", options.report, "Also write all samples there, as JSON");
    CLI11_PARSE(app, argc, argv);
    try {
        vitrine::bench::Ladder ladder(options);
        ladder.climb();
        ladder.print();
        ladder.report();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "ladder-bench: %s\n", error.what());
        return 1;
    }
    return 0;
}
