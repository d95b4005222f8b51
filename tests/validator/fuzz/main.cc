// validator-fuzz: programs from a grammar and mutations of the corpus against layer 1. What it
// accepts is run, and an oracle watches whether it reaches what no program may hold.
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <span>

#include "base/error.h"
#include "base/frame.h"
#include "kernel/process.h"
#include "validator/fuzz/lane.h"
#include "validator/scientific.h"

namespace {

using namespace vitrine;
using namespace vitrine::test;

constexpr const char* kHelp = R"(Usage: validator-fuzz [--seconds N] [--seed S] [--save DIR]

Makes programs from two grammars and from the corpus, lets layer 1 judge them, and runs what it
accepts under an oracle; of a refused program it takes the refused lines away, and runs the rest. One process has numpy and pandas, one has not. The same seed gives the same programs.

  --seconds N   how long to go on (default 60)
  --seed S      where to begin (default 1)
  --save DIR    where programs that got through are saved (default .)

Exit codes: 0 nothing got through; 1 something did, and its program is saved; 2 it could not be run.

Example:
  validator-fuzz --seconds 600 --seed 7 --save /tmp
)";

struct Options {
    std::uint64_t seconds = 60;
    std::uint64_t seed = 1;
    std::string directory = ".";
    bool wants_help = false;
};

std::uint64_t number(std::string_view name, std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) {
        throw UsageError(concat("'", text, "' is no number for ", name));
    }
    return value;
}

Options parse_options(std::span<char*> words) {
    Options options;
    for (std::size_t i = 1; i < words.size(); i += 2) {
        const std::string_view name = words[i];
        if (name == "--help" || name == "-h") {
            options.wants_help = true;
            return options;
        }
        if (i + 1 == words.size()) throw UsageError(concat("'", name, "' wants a value"));
        const std::string_view value = words[i + 1];
        if (name == "--seconds") {
            options.seconds = number(name, value);
        } else if (name == "--seed") {
            options.seed = number(name, value);
        } else if (name == "--save") {
            options.directory = value;
        } else {
            throw UsageError(concat("unknown option '", name, "'"));
        }
    }
    return options;
}

/// A lane as its parent sees it.
struct Running {
    kernel::Cloned process;
    UniqueFd findings;
    LaneCounts* counts = nullptr;
};

LaneCounts* shared_counts() {
    void* memory = ::mmap(nullptr, sizeof(LaneCounts), PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw SystemError("sharing memory with a lane", "mmap");
    return new (memory) LaneCounts;
}

[[noreturn]] void become_lane(const LaneSpec& spec, LaneCounts& counts) {
    try {
        ::_exit(run_lane(spec, counts) == 0 ? 0 : 1);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "validator-fuzz: %s\n", error.what());
        ::_exit(2);
    }
}

Running start_lane(LaneSpec spec) {
    Pipe pipe = make_pipe();
    Running running{.process = {}, .findings = {}, .counts = shared_counts()};
    spec.findings_fd = pipe.write_end.get();
    running.process = kernel::clone_process({.exit_signal = SIGCHLD});
    if (running.process.pid == 0) become_lane(spec, *running.counts);
    running.findings = std::move(pipe.read_end);
    return running;
}

void save_findings(const UniqueFd& source, const std::string& directory, std::uint64_t seed) {
    FrameReader reader(std::size_t{4} << 20);
    std::array<std::byte, 65536> buffer;
    int found = 0;
    for (ssize_t got = 0; (got = ::read(source.get(), buffer.data(), buffer.size())) > 0;) {
        reader.feed(std::span(buffer).first(static_cast<std::size_t>(got)));
        while (const auto frame = reader.next()) {
            const std::string text(reinterpret_cast<const char*>(frame->bytes.data()),
                                   frame->bytes.size());
            if (frame->kind == kReasonFrame) {
                std::cerr << text;
                continue;
            }
            const std::string path = concat(directory, "/finding-", seed, "-", ++found, ".py");
            std::ofstream(path) << text;
            std::cerr << "validator-fuzz: a program got through: " << path << "\n";
        }
    }
}

std::string described(const LaneCounts& counts) {
    const std::uint64_t accepted = counts.accepted + counts.repaired;
    const std::uint64_t programs = std::max<std::uint64_t>(counts.programs, 1);
    return concat(counts.programs.load(), " programs: ", accepted, " accepted (",
                  accepted * 100 / programs, " %; ", counts.accepted * 100 / programs,
                  " % as made, the others without their refused lines), ", counts.refused.load(),
                  " refused\n    of the accepted ", counts.ended.load(), " ran to their end, ",
                  counts.raised.load(), " raised, ", counts.too_long.load(),
                  " were stopped by a limit, ", counts.reached.load(),
                  " reached what they must not\n");
}

int run(const Options& options) {
    // Built here, where it can be written; the lanes find it made.
    (void)scientific_rootfs();
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(options.seconds);
    std::array<Running, 2> lanes{
        start_lane({.is_scientific = true, .seed = 2 * options.seed, .deadline = deadline}),
        start_lane({.is_scientific = false, .seed = 2 * options.seed + 1, .deadline = deadline})};
    int worst = 0;
    for (std::size_t i = 0; i < lanes.size(); ++i) {
        const Running& lane = lanes[i];
        save_findings(lane.findings, options.directory, 2 * options.seed + i);
        const kernel::Ended ended = kernel::wait_for(lane.process.pidfd.get());
        worst = std::max(worst, ended.by_signal ? 2 : ended.code);
        std::cout << (i == 0 ? "with numpy and pandas: " : "standard library:      ")
                  << described(*lane.counts);
    }
    return worst;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        const Options options = parse_options({argv, static_cast<std::size_t>(argc)});
        if (options.wants_help) {
            std::cout << kHelp;
            return 0;
        }
        return run(options);
    } catch (const std::exception& error) {
        std::cerr << "validator-fuzz: " << error.what() << " (--help)\n";
        return 2;
    }
}
