#include "validator/fuzz/lane.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>

#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/frame.h"
#include "kernel/mount.h"
#include "kernel/process.h"
#include "python/runner.h"
#include "support/interpreter.h"
#include "support/validation.h"
#include "validator/corpus.h"
#include "validator/fuzz/generator.h"
#include "validator/fuzz/repair.h"
#include "validator/scientific.h"

namespace vitrine::test {

namespace {

constexpr int kSeen = 77;                 // oracle.py's exit code.
constexpr std::size_t kProofStride = 10;  // One in so many of the corpus is enough for a proof.
constexpr std::uint64_t kMaxPerChild = 2000;
constexpr int kMaxRepairs = 6;
constexpr std::size_t kMaxProgram = std::size_t{64} << 10;
constexpr std::chrono::milliseconds kPatience{3000};
constexpr rlim_t kMaxData = rlim_t{1} << 30;
const std::string kHere = VITRINE_SOURCE_ROOT "/tests/validator/";

/// Should layer 1 let something through, it hurts nobody: nothing can be written, no network.
void confine() {
    const int namespaces = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;
    const int user = ::geteuid() == 0 ? 0 : CLONE_NEWUSER;
    check(::unshare(namespaces | user), "leaving the host's namespaces", "unshare");
    kernel::make_mounts_private();
    kernel::restrict_mount("/", MOUNT_ATTR_RDONLY, kernel::Submounts::kTakeAlong);
}

void bound_child() {
    for (const auto& [resource, limit] : {std::pair<int, rlim_t>{RLIMIT_CPU, 2},
                                          {RLIMIT_DATA, kMaxData},
                                          {RLIMIT_CORE, 0},
                                          {RLIMIT_FSIZE, 1 << 20},
                                          {RLIMIT_NOFILE, 64}}) {
        const rlimit both{limit, limit};
        check(::setrlimit(static_cast<__rlimit_resource_t>(resource), &both), "bounding a program",
              "setrlimit");
    }
}

void run_python(const python::Api& api, const std::string& path) {
    const python::Ref builtins(api, api.PyImport_ImportModule("builtins"));
    const std::string source = read_file(path, std::size_t{1} << 20);
    const python::Ref globals(api, api.PyDict_New());
    const python::Ref done(
        api, api.PyObject_CallMethod(builtins.get(), "exec", "sO", source.c_str(), globals.get()));
    if (!done) throw Error(concat("running '", path, "': ", python::take_error(api)));
}

std::vector<std::string> corpus_sources() {
    std::vector<std::string> sources;
    for (const char* kind : {"hostile", "honest"}) {
        for (Case& program : read_corpus(kind))
            sources.push_back(std::move(program.source));
    }
    return sources;
}

/// Memory that a child and its parent see.
struct Shared {
    std::uint64_t index = 0;  ///< Of the program at work…
    std::size_t size = 0;
    std::array<char, kMaxProgram> text;  ///< …and what of it is run.
};

class Lane {
  public:
    Lane(const LaneSpec& spec, LaneCounts& counts)
        : spec_(spec),
          counts_(counts),
          grammar_(kHere + "fuzz/grammar.txt"),
          careful_(kHere + "fuzz/careful.txt"),
          mutator_(grammar_, corpus_sources()),
          interpreter_(spec.is_scientific ? scientific_interpreter() : shared_interpreter()),
          messages_(check(::memfd_create("messages", MFD_CLOEXEC), "making a file of messages",
                          "memfd_create")),
          nothing_(open_file("/dev/null", O_RDWR)) {
        void* memory = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) throw SystemError("sharing memory with children", "mmap");
        shared_ = new (memory) Shared;
        run_python(interpreter_.api(), kHere + "fuzz/oracle.py");
    }
    ~Lane() { ::munmap(shared_, sizeof(Shared)); }
    Lane(const Lane&) = delete;
    Lane& operator=(const Lane&) = delete;

    int run() {
        prove_that_the_oracle_sees();
        int findings = 0;
        while (std::chrono::steady_clock::now() < spec_.deadline) {
            const int code = in_child([this] { return run_batch(); });
            if (code == kSeen) {
                send(std::string(shared_->text.data(), shared_->size));
                ++counts_.reached;
                ++findings;
            } else {
                ++(code >= 128 ? counts_.too_long : code == 0 ? counts_.ended : counts_.raised);
            }
            ++shared_->index;
        }
        return findings;
    }

  private:
    std::string program_at(std::uint64_t index) const {
        Random random(spec_.seed * 1'000'003 + index);
        const std::uint64_t way = random() % 8;
        if (way == 0) return grammar_.expand("program", random);
        return way < 3 ? mutator_.mutate(random) : careful_.expand("program", random);
    }

    /// Makes `source` acceptable by taking lines away; false where that does not help.
    bool repair(std::string& source) const {
        const python::Api& api = interpreter_.api();
        std::vector<Finding> findings = findings_by(api, source, default_policy());
        if (findings.empty()) {
            ++counts_.accepted;
            return true;
        }
        for (int i = 0; i < kMaxRepairs; ++i) {
            source = without_refused_lines(source, findings);
            findings = findings_by(api, source, default_policy());
            if (!findings.empty()) continue;
            ++counts_.repaired;
            return true;
        }
        ++counts_.refused;
        return false;
    }

    int run_source(const std::string& source, const python::Policy& policy) const {
        const python::Program program{.source = {.name = "fuzz.py", .bytes = source},
                                      .policy = policy};
        return python::run_program(interpreter_, program, nothing_.get());
    }

    /// In a child: programs until one is accepted and has run.
    int run_batch() {
        for (std::uint64_t i = 0; i < kMaxPerChild; ++i, ++shared_->index) {
            ++counts_.programs;
            std::string source = program_at(shared_->index);
            if (!repair(source) || source.size() > kMaxProgram) continue;
            shared_->size = source.copy(shared_->text.data(), source.size());
            return run_source(source, default_policy());
        }
        --shared_->index;
        return 0;
    }

    /// The exit code of `work` in a forked child, 128+N for signal N. Its stderr goes to messages_.
    template <typename Work>
    int in_child(Work&& work) const {
        check(::ftruncate(messages_.get(), 0), "emptying the messages", "ftruncate");
        check(::lseek(messages_.get(), 0, SEEK_SET), "rewinding the messages", "lseek");
        const kernel::Cloned child = kernel::clone_process({.exit_signal = SIGCHLD});
        if (child.pid == 0) {
            try {
                bound_child();
                ::dup2(nothing_.get(), 0);
                ::dup2(nothing_.get(), 1);
                ::dup2(messages_.get(), 2);
                ::_exit(work());
            } catch (const std::exception& error) {
                write_all(messages_.get(), std::string_view(error.what()));
                ::_exit(1);
            }
        }
        return end_of(child);
    }

    static int end_of(const kernel::Cloned& child) {
        pollfd event{child.pidfd.get(), POLLIN, 0};
        if (::poll(&event, 1, static_cast<int>(kPatience.count())) == 0) {
            kernel::send_signal(child.pidfd.get(), SIGKILL);
        }
        const kernel::Ended ended = kernel::wait_for(child.pidfd.get());
        return ended.by_signal ? 128 + ended.code : ended.code;
    }

    std::string last_messages() const {
        check(::lseek(messages_.get(), 0, SEEK_SET), "rewinding the messages", "lseek");
        return read_all(messages_.get(), std::size_t{1} << 20);
    }

    /// With layer 1 off, what reaches a refused object must be seen. What is honest runs to its end
    /// with layer 1 on: the probe is in reach of an accepted program, and objects to nothing.
    void prove_that_the_oracle_sees() const {
        int seen = 0;
        int shown = 0;
        std::string missed;
        for (const char* kind : {"hostile", "honest"}) {
            const bool is_hostile = std::string_view(kind) == "hostile";
            const std::vector<Case> cases = read_corpus(kind);
            for (std::size_t i = 0; i < cases.size(); i += kProofStride) {
                const Case& program = cases[i];
                if (is_scientific(program) || !program.expects.empty()) continue;
                const int code = in_child([&] {
                    return run_source(program.source,
                                      is_hostile ? python::Policy{} : default_policy());
                });
                if (is_hostile) {
                    ++shown;
                    seen += code == kSeen ? 1 : 0;
                    if (code != kSeen)
                        missed += concat("\n", title(program), ": ", last_messages());
                } else if (code != 0) {
                    throw Error(concat("under the oracle '", title(program), "' ends with ", code,
                                       ": ", last_messages()));
                }
            }
        }
        if (seen * 10 < shown * 9) {
            throw Error(concat("the oracle is blind: of ", shown, " programs that get what they ",
                               "want it saw ", seen, "; not seen:", missed));
        }
    }

    /// The parent saves it: here nothing can be written.
    void send(const std::string& program) const {
        const std::string text = concat("# ", spec_.seed, "-", shared_->index, "\n", program);
        write_frame(spec_.findings_fd, kFindingFrame, std::as_bytes(std::span(text)));
        const std::string why = last_messages();
        write_frame(spec_.findings_fd, kReasonFrame, std::as_bytes(std::span(why)));
    }

    const LaneSpec& spec_;
    LaneCounts& counts_;
    Grammar grammar_;
    Grammar careful_;
    Mutator mutator_;
    const python::Interpreter& interpreter_;
    UniqueFd messages_;
    UniqueFd nothing_;
    Shared* shared_ = nullptr;
};

}  // namespace

int run_lane(const LaneSpec& spec, LaneCounts& counts) {
    Lane lane(spec, counts);
    confine();
    return lane.run();
}

}  // namespace vitrine::test
