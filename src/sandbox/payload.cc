#include "sandbox/payload.h"

#include <fcntl.h>
#include <linux/keyctl.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <bit>

#include "base/file.h"
#include "base/frame.h"
#include "kernel/landlock.h"
#include "kernel/process.h"
#include "kernel/process_image.h"
#include "kernel/seccomp.h"
#include "sandbox/identity.h"
#include "sandbox/init.h"
#include "sandbox/memfds.h"
#include "sandbox/mounts.h"
#include "sandbox/report.h"

namespace vitrine::sandbox {

namespace {

/// The mount namespace is a copy of the zygote's, once the base is all there is in that.
constexpr int kJoinedByPayload = CLONE_NEWUSER | CLONE_NEWNS | kOwnNamespaces;
constexpr int kSetupFailedExit = 125;
/// Where the payload keeps its result pipe; nothing else above stderr survives.
constexpr int kReportFd = 3;
/// Where the program comes to a parked payload, word that the listener of its filter was taken, and
/// what lets a held one go; closed before it runs.
constexpr int kProgramFd = 4;
constexpr int kNotHeld = -1;
/// Where the listener of a filter that has one appears: the first number that is free.
constexpr int kListenerFd = 5;

/// The standard streams at 0, 1 and 2, the result pipe at 3, nothing else: no descriptor of the
/// caller's, of init's or of the zygote's can be used or reopened by the job.
void keep_job_descriptors(const LaunchFds& fds, int program_fd) {
    const std::array<std::pair<int, int>, 4> wanted{{{fds.stdin_end.get(), STDIN_FILENO},
                                                     {fds.stdout_end.get(), STDOUT_FILENO},
                                                     {fds.stderr_end.get(), STDERR_FILENO},
                                                     {fds.report_end.get(), kReportFd}}};
    for (const auto& [from, to] : wanted) {
        check(::dup2(from, to), "placing the job's descriptors", "dup2");
    }
    check(::fcntl(kReportFd, F_SETFD, FD_CLOEXEC), "placing the job's descriptors", "fcntl");
    if (program_fd < 0) return kernel::close_from(kReportFd + 1);
    check(::dup2(program_fd, kProgramFd), "placing the job's descriptors", "dup2");
    kernel::close_from(kProgramFd + 1);
}

void start_session() {
    // No controlling terminal, no signal from the caller's process group, no key of the caller's.
    check(::setsid(), "leaving the caller's session", "setsid");
    if (::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr) < 0 && errno != ENOSYS) {
        throw SystemError("leaving the caller's keyring", "keyctl");
    }
}

/// The job's own terminal in place of its streams, and its session's.
void take_terminal() {
    const UniqueFd terminal = open_file(kTerminalPath, O_RDWR | O_NOCTTY);
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        check(::dup2(terminal.get(), fd), "placing the job's terminal", "dup2");
    check(::ioctl(STDIN_FILENO, TIOCSCTTY, 0), "taking the job's terminal", "ioctl(TIOCSCTTY)");
}

void apply_rlimits(const std::vector<Ulimit>& limits) {
    for (const Ulimit& limit : limits) {
        const rlimit64 value{limit.soft, limit.hard};
        check(::syscall(SYS_prlimit64, 0, limit.resource, &value, nullptr),
              concat("setting resource limit ", limit.resource), "setrlimit");
    }
}

void drop_privileges(const SandboxSpec& spec) {
    set_ids(spec.uid, spec.gid);
    drop_all_capabilities();
    if (const auto held = held_capabilities(); !held.empty()) {
        throw Error(concat("capability ", held.front(), " is still held"));
    }
    // Both were cleared by the changes above. Dumpable on purpose: strace and gdb may look at the
    // job from outside; inside there is nobody it could hide anything from.
    kernel::die_with_parent();
    check(::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0), "letting debuggers in", "prctl(PR_SET_DUMPABLE)");
}

void check_required(const SandboxSpec::Required& required, const Confined& confined) {
    if (required.landlock && confined.landlock_abi == 0) {
        throw Error("--require landlock: this kernel has no Landlock",
                    "boot with 'lsm=landlock,…' on Linux 5.13 or newer, or do not require it");
    }
    if (required.no_groups && !confined.has_no_groups) {
        throw Error("--require groups: the caller's supplementary groups cannot be given up",
                    "run vitrine as root, or as a user without supplementary groups");
    }
    if (required.no_executable_memfds && !confined.has_no_executable_memfds) {
        throw Error("--require memfd_noexec: a memfd could be executed in this sandbox",
                    "it takes Linux 6.3 and root; or do not require it");
    }
}

/// The second fence, behind the mounts: a mount that should not be there cannot be read either.
kernel::Fence fence_for(const SandboxSpec& spec) {
    kernel::Fence fence{.readable = {"/proc"}, .writable = {"/tmp"}, .devices = {"/dev"}};
    for (const SandboxSpec::RootEntry& entry : spec.root_entries) {
        if (entry.kind != SandboxSpec::RootEntry::Kind::kSymlink) {
            fence.readable.push_back("/" + entry.name);
            if (spec.may_execute) fence.programs.push_back("/" + entry.name);
        }
    }
    for (const TreeSource& bind : spec.binds) {
        (bind.is_writable ? fence.writable : fence.readable).push_back(bind.destination);
    }
    if (spec.has_terminal) fence.terminals = {kTerminalDirectory, "/dev/tty"};
    return fence;
}

void install_notifying_filter(const std::vector<sock_filter>& filter) {
    write_frame(kReportFd, static_cast<std::uint32_t>(ReportKind::kListening),
                encode(Listening{.listener_fd = kListenerFd}));
    const int listener_fd = kernel::install_notifying_filter(filter).release();
    if (listener_fd != kListenerFd) throw Error("the filter's listener is not where it should be");
}

void install_filters(const PayloadSpec& spec) {
    for (const auto& filter : spec.filters) {
        if (spec.is_listened_to && &filter == &spec.filters.back()) {
            install_notifying_filter(filter);
        } else {
            kernel::install_filter(filter);
        }
    }
}

/// Whoever has the listener can undo the filter: from here on the supervisor alone.
void give_listener_up() {
    check(::close(kListenerFd), "closing the filter's listener, which the profile has to allow",
          "close");
}

/// A call that the filter hands over waits for the supervisor, and one that it does not waits for
/// a byte: however this returns, the supervisor holds the listener.
void await_listener_taken() {
    char nothing = 0;
    while (::read(kProgramFd, &nothing, 1) < 0 && errno == EINTR) {
    }
    give_listener_up();
}

Confined confine(const SandboxSpec& sandbox, const PayloadSpec& spec, Guest& guest,
                 const LaunchFds& fds, int init_pidfd, int program_fd = -1) {
    Confined confined{.ready_ns = monotonic_ns()};
    do_step(Step::kJoinNamespaces, [&] { kernel::join_namespaces(init_pidfd, kJoinedByPayload); });
    do_step(Step::kDescriptors, [&] { keep_job_descriptors(fds, program_fd); });
    do_step(Step::kSession, [] { start_session(); });
    if (sandbox.has_terminal) do_step(Step::kTerminal, [] { take_terminal(); });
    do_step(Step::kEnvironment, [&] {
        ::umask(022);
        guest.set_environment(spec.environment);
    });
    do_step(Step::kWorkdir, [&] {
        check(::chdir(spec.workdir.c_str()), concat("entering '", spec.workdir, "'"), "chdir");
    });
    do_step(Step::kRlimits, [&] { apply_rlimits(spec.rlimits); });
    do_step(Step::kDropPrivileges, [&] { drop_privileges(sandbox); });
    confined.has_no_groups = has_no_extra_groups();
    confined.has_no_executable_memfds = has_no_executable_memfds();
    do_step(Step::kNoNewPrivileges, [] { forbid_new_privileges(); });
    do_step(Step::kLandlock,
            [&] { confined.landlock_abi = kernel::fence_filesystem(fence_for(sandbox)); });
    do_step(Step::kRequiredLayers, [&] { check_required(sandbox.required, confined); });
    confined.entered_ns = monotonic_ns();
    // Last: nothing above would be allowed under it, and nothing untrusted is above it.
    do_step(Step::kSeccomp, [&] { install_filters(spec); });
    confined.filtered_ns = monotonic_ns();
    return confined;
}

/// The supervisor has done its part to the sandbox, while init did its own, and has worked out
/// what is to be run. With a second descriptor it waits there.
std::pair<PayloadSpec, UniqueFd> await_supervisor(int control_fd) {
    Message message = receive_message(control_fd, 16, 2);
    if (message.fds.empty()) throw Error("the supervisor is gone");
    const std::string bytes = read_all(message.fds.front().get(), kMaxSpecBytes);
    return {decode_payload_spec(std::as_bytes(std::span(bytes))),
            message.fds.size() > 1 ? std::move(message.fds[1]) : UniqueFd()};
}

/// Reports the failure: the pipe is at one place before the descriptors are sorted, at another
/// after.
void report_failure(const Failure& failure, int early_report_fd) {
    const bool is_sorted = ::fcntl(early_report_fd, F_GETFD) < 0;
    write_frame(is_sorted ? kReportFd : early_report_fd,
                static_cast<std::uint32_t>(ReportKind::kFailure), encode(failure));
}

/// Fills `bytes` from the pipe; false when that ends before the first of them.
bool read_program(std::span<char> bytes) {
    std::size_t have = 0;
    while (have < bytes.size()) {
        const ssize_t got = ::read(kProgramFd, &bytes[have], bytes.size() - have);
        if (got < 0 && errno == EINTR) continue;
        check(got, "reading the program", "read");
        if (got == 0 && have == 0) return false;
        if (got == 0) throw Error("the program is cut short");
        have += static_cast<std::size_t>(got);
    }
    return true;
}

/// The program, once there is one; the way it came is closed, unless it is held there. A sandbox
/// that nobody needed ends here.
WarmProgram await_program() {
    std::array<char, sizeof(WarmProgramSize)> head{};
    if (!read_program(head)) ::_exit(0);
    const auto size = std::bit_cast<WarmProgramSize>(head);
    if (size > kMaxSpecBytes) throw Error("the program is too long");
    std::string bytes(size, '\0');
    if (!read_program(bytes)) throw Error("the program is cut short");
    WarmProgram program = decode_warm_program(std::as_bytes(std::span(bytes)));
    if (!program.is_held) ::close(kProgramFd);
    return program;
}

}  // namespace

void enter_rootfs() {
    // When memory runs out on the host, the job goes first.
    write_kernel_file(concat(kBaseHostProc, "/self/oom_score_adj"), "1000");
    check(::chroot(kBaseRoot), "entering the rootfs", "chroot");
    check(::chdir("/"), "entering the rootfs", "chdir");
}

void run_warm_payload(const WarmInheritance& from, Guest& guest) {
    const std::int64_t born_ns = monotonic_ns();
    try {
        guest.come_of_age(from.is_awaited);
        const PayloadSpec spec = do_step(Step::kReceiveSpec, [&] {
            const std::string bytes = read_sealed_memfd(from.spec_fd);
            return decode_payload_spec(std::as_bytes(std::span(bytes)));
        });
        do_step(Step::kAwaitInit, [&] { await_init(from.init_ready_fd); });
        Confined confined =
            confine(from.sandbox, spec, guest, from.fds, from.init_pidfd, from.program_fd);
        confined.born_ns = born_ns;
        write_frame(kReportFd, static_cast<std::uint32_t>(ReportKind::kConfined), encode(confined));
        // Parked. What follows is under the filter, and still ours up to the program itself.
        const WarmProgram program = do_step(Step::kReceiveSpec, [] { return await_program(); });
        // It was given the program because the supervisor has the listener.
        if (spec.is_listened_to) do_step(Step::kSeccomp, [] { give_listener_up(); });
        guest.set_environment(program.environment);
        ::_exit(guest.run(program.program, kReportFd, program.is_held ? kProgramFd : kNotHeld));
    } catch (const StepError& error) {
        report_failure(error.failure(), from.fds.report_end.get());
    } catch (...) {
    }
    ::_exit(kSetupFailedExit);
}

namespace {

/// What a payload takes along when it goes on from a snapshot.
struct Crossing {
    const Inheritance& from;
    std::int64_t born_ns;
};

void go_on(void* guest, void* crossing, const kernel::FormerMemory& former) noexcept;

/// The payload becomes the snapshot, confined as any other: code of the rootfs has started.
[[noreturn]] void become_snapshot(const SandboxSpec& sandbox, const PayloadSpec& spec,
                                  Guest& guest) {
    do_step(Step::kWarmUp, [&] { guest.warm_up(spec.program); });
    do_step(Step::kKeepSnapshot, [&] {
        kernel::write_process_image(kProgramFd, &go_on, &guest,
                                    guest.describe(sandbox.interpreter));
    });
    ::_exit(0);
}

/// From an interpreter that has started to the end.
[[noreturn]] void enter_and_run(const Inheritance& from, Guest& guest, std::int64_t born_ns,
                                kernel::Misfit snapshot) noexcept {
    try {
        do_step(Step::kAwaitInit, [&] { await_init(from.init_ready_fd); });
        const auto [spec, gate] =
            do_step(Step::kAwaitSupervisor, [&] { return await_supervisor(from.control_fd); });
        Confined confined =
            confine(from.sandbox, spec, guest, from.fds, from.init_pidfd, gate.get());
        confined.born_ns = born_ns;
        confined.snapshot = snapshot;
        write_frame(kReportFd, static_cast<std::uint32_t>(ReportKind::kConfined), encode(confined));
        if (spec.is_listened_to) do_step(Step::kSeccomp, [] { await_listener_taken(); });
        if (from.sandbox.snapshot == SandboxSpec::Snapshot::kMake) {
            become_snapshot(from.sandbox, spec, guest);
        }
        if (gate && !spec.is_held) ::close(kProgramFd);
        ::_exit(guest.run(spec.program, kReportFd, spec.is_held ? kProgramFd : kNotHeld));
    } catch (const StepError& error) {
        report_failure(error.failure(), from.fds.report_end.get());
    } catch (...) {
    }
    ::_exit(kSetupFailedExit);
}

/// In the snapshot's memory, where nothing but `crossing` is of this run. All of that is copied
/// before the rest is given up.
void go_on(void* guest, void* crossing, const kernel::FormerMemory& former) noexcept {
    const auto& [inherited, born_ns] = *static_cast<const Crossing*>(crossing);
    const SandboxSpec sandbox = inherited.sandbox;
    const LaunchFds fds{.sandbox_spec = UniqueFd(inherited.fds.sandbox_spec.get()),
                        .stdin_end = UniqueFd(inherited.fds.stdin_end.get()),
                        .stdout_end = UniqueFd(inherited.fds.stdout_end.get()),
                        .stderr_end = UniqueFd(inherited.fds.stderr_end.get()),
                        .report_end = UniqueFd(inherited.fds.report_end.get()),
                        .lifeline = UniqueFd(inherited.fds.lifeline.get())};
    const Inheritance from{.sandbox = sandbox,
                           .fds = fds,
                           .control_fd = inherited.control_fd,
                           .init_pidfd = inherited.init_pidfd,
                           .init_ready_fd = inherited.init_ready_fd};
    const std::int64_t born = born_ns;
    former.forget();
    auto& own_guest = *static_cast<Guest*>(guest);
    try {
        do_step(Step::kStartInterpreter, [&] { own_guest.come_of_age(true); });
    } catch (const StepError& error) {
        report_failure(error.failure(), fds.report_end.get());
        ::_exit(kSetupFailedExit);
    }
    enter_and_run(from, own_guest, born, kernel::Misfit::kNone);
}

/// Its path is all of it that a job ever sees, in its own mappings.
UniqueFd open_snapshot(const SandboxSpec& sandbox) {
    const std::string path = concat(kBaseRootfs, sandbox.snapshot_file);
    return UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
}

}  // namespace

void run_payload(const Inheritance& from, Pipe& base, Guest& guest) {
    const std::int64_t born_ns = monotonic_ns();
    kernel::Misfit snapshot = kernel::Misfit::kAbsent;
    try {
        base.write_end.reset();
        do_step(Step::kAwaitBase, [&] { await_base(base.read_end.get()); });
        UniqueFd image;
        if (from.sandbox.snapshot == SandboxSpec::Snapshot::kGoOn) {
            image = open_snapshot(from.sandbox);
            snapshot = kernel::Misfit::kUnreadable;
        }
        do_step(Step::kEnterRootfs, [] { enter_rootfs(); });
        // Trusted code, in the zygote's mounts, with no privilege over the host.
        do_step(Step::kStartInterpreter, [&] {
            const std::string& interpreter = from.sandbox.interpreter;
            Crossing crossing{.from = from, .born_ns = born_ns};
            if (image) {
                snapshot = kernel::go_on_from(image.get(), guest.describe(interpreter), &crossing);
            }
            guest.start(interpreter, from.sandbox.snapshot == SandboxSpec::Snapshot::kMake
                                         ? StartedFor::kSnapshot
                                         : StartedFor::kOneProgram);
        });
    } catch (const StepError& error) {
        report_failure(error.failure(), from.fds.report_end.get());
        ::_exit(kSetupFailedExit);
    } catch (...) {
        ::_exit(kSetupFailedExit);
    }
    enter_and_run(from, guest, born_ns, snapshot);
}

}  // namespace vitrine::sandbox
