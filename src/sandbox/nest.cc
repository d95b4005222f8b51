#include "sandbox/nest.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/directory.h"
#include "base/error.h"
#include "base/file.h"
#include "base/words.h"
#include "kernel/process.h"
#include "sandbox/huge_pages.h"
#include "sandbox/init.h"
#include "sandbox/launch.h"
#include "sandbox/mounts.h"
#include "sandbox/networks.h"
#include "sandbox/payload.h"
#include "sandbox/report.h"
#include "sandbox/spec.h"

namespace vitrine::sandbox {

namespace {

constexpr std::size_t kMaxRequestBytes = 64;
/// What a warm heap may grow to: a preload that runs wild must not take the host's memory.
constexpr rlim_t kMaxHeapBytes = rlim_t{16} << 30;

void answer(int socket_fd, const NestMessage& message, std::span<const int> fds = {}) {
    send_message(socket_fd, encode(message), fds);
}

/// In a new process: `socket` in the place of its parent's own, and no other descriptor of that but
/// the standard streams. It does not live with less.
void become_sibling(const UniqueFd& control, UniqueFd socket) noexcept {
    if (::dup3(socket.get(), control.get(), O_CLOEXEC) < 0) ::_exit(1);
    socket.reset();
    kernel::close_from(static_cast<unsigned>(control.get()) + 1);
    // A clone does not inherit this.
    kernel::die_with_parent();
}

/// A child of the supervisor's that serves it on `socket`. Its pid is 0 there.
kernel::Cloned clone_sibling(const UniqueFd& control, UniqueFd socket) {
    kernel::Cloned sibling = kernel::clone_process({.flags = CLONE_PARENT});
    if (sibling.pid == 0) become_sibling(control, std::move(socket));
    return sibling;
}

// ── nursery ─────────────────────────────────────────────────────────────────────────────────────

[[noreturn]] void become_init(const SandboxSpec& spec, const InitRequest& request, InitFds fds) {
    if (request.waits) {
        try {
            if (receive_message(fds.lifeline_fd, kMaxRequestBytes, 0).bytes.empty()) ::_exit(0);
        } catch (const Error&) {
            ::_exit(1);
        }
    }
    run_init(spec, fds, request.shares_networks);
}

/// Born in a network namespace that it has for itself: `used`, or one that is returned.
kernel::Cloned clone_init(Networks& networks, const InitRequest& request, const UniqueFd& used,
                          UniqueFd& made) {
    constexpr kernel::CloneRequest kInit{.flags = kBirthNamespaces | CLONE_PARENT};
    if (!request.shares_networks) return kernel::clone_process(kInit);
    made = networks.enter(used);
    kernel::Cloned init = kernel::clone_process(kInit);
    if (init.pid != 0) networks.leave();
    return init;
}

void bear_init(const SandboxSpec& spec, int socket_fd, int base_fd, Networks& networks,
               Message& message) {
    const InitRequest request = decode_init_request(message.bytes);
    NestMessage born{.kind = NestAnswer::kInitBorn, .sandbox = request.sandbox};
    const UniqueFd used = message.fds.size() > 2 ? std::move(message.fds[2]) : UniqueFd();
    UniqueFd made;
    try {
        const kernel::Cloned init =
            do_step(Step::kStartInit, [&] { return clone_init(networks, request, used, made); });
        if (init.pid == 0) {
            become_init(spec, request, {message.fds.at(0).get(), message.fds.at(1).get(), base_fd});
        }
        born.pid = init.pid;
        if (!made) return answer(socket_fd, born, std::array{init.pidfd.get()});
        answer(socket_fd, born, std::array{init.pidfd.get(), made.get()});
    } catch (const StepError& error) {
        answer(
            socket_fd,
            {.kind = NestAnswer::kFailed, .sandbox = request.sandbox, .failure = error.failure()});
    }
}

/// Until the supervisor closes its end.
[[noreturn]] void run_nursery(const SandboxSpec& spec, int socket_fd) {
    try {
        // Init reads a byte when the base is there, as it is.
        const UniqueFd base = open_file(concat(kBaseRoot, "/dev/zero"), O_RDONLY);
        Networks networks;
        for (;;) {
            Message message = receive_message(socket_fd, kMaxRequestBytes, 3);
            if (message.bytes.empty()) ::_exit(0);
            bear_init(spec, socket_fd, base.get(), networks, message);
        }
    } catch (...) {
        // Whoever asks finds nobody.
    }
    ::_exit(1);
}

kernel::Cloned fork_nursery(const SandboxSpec& spec, const UniqueFd& control, UniqueFd socket) {
    kernel::Cloned nursery = clone_sibling(control, std::move(socket));
    if (nursery.pid != 0) return nursery;
    run_nursery(spec, control.get());
}

// ── zygote ──────────────────────────────────────────────────────────────────────────────────────

NestFds take_nest_fds(std::vector<UniqueFd>& fds) {
    if (fds.size() < kNestFdCount) throw Error("the nest's message lacks descriptors");
    return {std::move(fds[0]), std::move(fds[1]), std::move(fds[2])};
}

/// Returns in the twin as well: it serves the supervisor from here on as its zygote does. Nothing
/// is copied but page tables, and no job has come near its memory.
void bear_twin(const UniqueFd& control, std::vector<UniqueFd>& fds) {
    if (fds.size() != kTwinFdCount) throw Error("a request for a twin lacks descriptors");
    kernel::Cloned twin;
    try {
        twin = clone_sibling(control, std::move(fds[0]));
    } catch (const SystemError&) {
        // The nest has this zygote, which is enough.
        return answer(control.get(), {.kind = NestAnswer::kTwinBorn});
    }
    if (twin.pid == 0) return;
    answer(control.get(), {.kind = NestAnswer::kTwinBorn, .pid = twin.pid},
           std::array{twin.pidfd.get()});
}

void bear_payload(const SandboxSpec& spec, const UniqueFd& control, const ZygoteRequest& request,
                  std::vector<UniqueFd>& fds, Guest& guest) {
    if (fds.size() != kPayloadFdCount) throw Error("a request for a payload lacks descriptors");
    const LaunchFds job{.sandbox_spec = {},
                        .stdin_end = std::move(fds[2]),
                        .stdout_end = std::move(fds[3]),
                        .stderr_end = std::move(fds[4]),
                        .report_end = std::move(fds[5]),
                        .lifeline = {}};
    NestMessage born{
        .kind = NestAnswer::kPayloadBorn, .sandbox = request.sandbox, .forking_ns = monotonic_ns()};
    try {
        const kernel::Cloned payload = do_step(Step::kForkPayload, [&] {
            // Only children of ours are born there; we stay where we are.
            kernel::join_namespaces(fds[0].get(), CLONE_NEWPID);
            return kernel::clone_process({.flags = CLONE_PARENT});
        });
        if (payload.pid == 0) {
            run_warm_payload({.sandbox = spec,
                              .fds = job,
                              .spec_fd = fds[7].get(),
                              .program_fd = fds[6].get(),
                              .init_pidfd = fds[0].get(),
                              .init_ready_fd = fds[1].get(),
                              .is_awaited = request.is_awaited},
                             guest);
        }
        born.pid = payload.pid;
        answer(control.get(), born, std::array{payload.pidfd.get()});
    } catch (const StepError& error) {
        answer(
            control.get(),
            {.kind = NestAnswer::kFailed, .sandbox = request.sandbox, .failure = error.failure()});
    }
}

/// For as long as it lives: a payload has limits of its own.
class BoundedHeap {
  public:
    BoundedHeap() {
        check(::getrlimit(RLIMIT_DATA, &before_), "bounding the warm heap", "getrlimit");
        const rlimit bounded{std::min(before_.rlim_cur, kMaxHeapBytes), before_.rlim_max};
        check(::setrlimit(RLIMIT_DATA, &bounded), "bounding the warm heap", "setrlimit");
    }
    ~BoundedHeap() { (void)::setrlimit(RLIMIT_DATA, &before_); }
    BoundedHeap(const BoundedHeap&) = delete;
    BoundedHeap& operator=(const BoundedHeap&) = delete;

  private:
    rlimit before_{};
};

/// The zygote's own /proc entry, opened before the rootfs hides it.
class OwnProcess {
  public:
    OwnProcess() : directory_(open_file(concat(kBaseHostProc, "/self"), O_PATH | O_DIRECTORY)) {}

    /// A fork takes one thread along, and with it the locks that others hold.
    void check_single_thread() const {
        const std::string stat = read("stat");
        // After the command's closing parenthesis, the eighteenth word.
        std::string_view words = std::string_view(stat).substr(stat.rfind(')') + 1);
        std::string_view word;
        for (int i = 0; i < 18; ++i)
            word = take_word(words);
        if (word == "1") return;
        throw Error(concat("what was preloaded runs ", word,
                           " threads, and none of them would be "
                           "there in a job"),
                    "preload nothing that starts threads, or run with --cold");
    }

    int fd() const { return directory_.get(); }

    void tell_memory(NestMessage& ready) const {
        const std::string statm = read("statm");
        std::string_view words = statm;
        std::array<std::uint64_t, 6> pages{};  // See proc_pid_statm(5).
        for (std::uint64_t& number : pages)
            number = parse_number(take_word(words)).value_or(0);
        const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
        ready.memory_bytes = pages[1] * page;
        ready.data_bytes = pages[5] * page;
    }

  private:
    std::string read(const char* name) const {
        constexpr std::size_t kMaxBytes = 65536;
        const UniqueFd file(check(::openat(directory_.get(), name, O_RDONLY | O_CLOEXEC),
                                  "looking at the warm zygote", "openat"));
        return read_all(file.get(), kMaxBytes);
    }

    UniqueFd directory_;
};

/// The list of a warm zygote's steps, up to its first payload.
SandboxSpec prepare(const UniqueFd& control, Message& first, Guest& guest) {
    NestFds fds = do_step(Step::kReceiveSpec, [&] { return take_nest_fds(first.fds); });
    SandboxSpec spec = do_step(Step::kReceiveSpec, [&] {
        const std::string bytes = read_all(fds.sandbox_spec.get(), kMaxSpecBytes);
        return decode_sandbox_spec(std::as_bytes(std::span(bytes)));
    });
    const std::string preload =
        do_step(Step::kReceiveSpec, [&] { return read_all(fds.preload.get(), kMaxSpecBytes); });
    do_step(Step::kDieWithSupervisor, [] { kernel::die_with_parent(); });
    do_step(Step::kBuildRoot,
            [&] { enter_base(spec, std::span(first.fds).subspan(kNestFdCount)); });
    const kernel::Cloned nursery = do_step(
        Step::kStartInit, [&] { return fork_nursery(spec, control, std::move(fds.nursery)); });
    answer(control.get(), {.kind = NestAnswer::kNurseryBorn, .pid = nursery.pid},
           std::array{nursery.pidfd.get()});
    const OwnProcess own = do_step(Step::kEnterRootfs, [] { return OwnProcess(); });
    do_step(Step::kEnterRootfs, [] { enter_rootfs(); });
    // Trusted code, with no privilege over the host.
    do_step(Step::kStartInterpreter, [&] { guest.start(spec.interpreter, StartedFor::kForks); });
    do_step(Step::kWarmUp, [&] {
        const BoundedHeap bounded;
        guest.warm_up(preload);
        own.check_single_thread();
    });
    do_step(Step::kWarmUp, [&] { use_huge_pages(own.fd()); });
    NestMessage ready{.kind = NestAnswer::kReady};
    do_step(Step::kWarmUp, [&] { own.tell_memory(ready); });
    answer(control.get(), ready);
    return spec;
}

}  // namespace

void run_nest(const UniqueFd& control, Message& first, Guest& guest) {
    try {
        const SandboxSpec spec = prepare(control, first, guest);
        first.fds.clear();
        for (;;) {
            Message message = receive_message(control.get(), kMaxRequestBytes, kPayloadFdCount);
            if (message.bytes.empty()) return;
            const ZygoteRequest request = decode_zygote_request(message.bytes);
            if (request.birth == Birth::kTwin) {
                bear_twin(control, message.fds);
            } else {
                bear_payload(spec, control, request, message.fds, guest);
            }
        }
    } catch (const StepError& error) {
        answer(control.get(), {.kind = NestAnswer::kNestFailed, .failure = error.failure()});
    }
}

}  // namespace vitrine::sandbox
