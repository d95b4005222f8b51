#include "runtime/spawn.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>

#include "base/error.h"
#include "kernel/process_image.h"
#include "runtime/image.h"
#include "sandbox/launch.h"
#include "sandbox/report.h"
#include "sandbox/steps.h"

namespace vitrine::runtime {

namespace {

constexpr int kExecFailedExit = 125;

void place_at(int from_fd, int to_fd) {
    check(::dup2(from_fd, to_fd), "placing the zygote's descriptors", "dup2");
}

/// Neither what the caller ignores nor what the supervisor blocks is the job's concern.
void reset_signals() {
    for (int signal = 1; signal < NSIG; ++signal)
        (void)::signal(signal, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

/// A copy out of the way of the low numbers.
UniqueFd keep_high(int fd) {
    constexpr int kHigh = 100;
    return UniqueFd(check(::fcntl(fd, F_DUPFD_CLOEXEC, kHigh), "placing the zygote's descriptors",
                          "fcntl(F_DUPFD_CLOEXEC)"));
}

void keep_zygote_descriptors(int control_fd) {
    const UniqueFd control = keep_high(control_fd);
    const UniqueFd null = keep_high(open_file("/dev/null", O_RDWR).get());
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        place_at(null.get(), fd);
    place_at(control.get(), sandbox::kControlFd);
    check(::syscall(SYS_close_range, sandbox::kControlFd + 1, ~0U, CLOSE_RANGE_CLOEXEC),
          "closing descriptors", "close_range");
}

/// Root of the zygote's user namespace: on the host, the unprivileged id of its map. Before exec,
/// which takes every capability from a process whose id the namespace does not know.
void take_zygote_identity(const sandbox::IdMap& map) {
    check(::setsid(), "leaving the caller's session", "setsid");
    if (!map.deny_setgroups) sandbox::clear_groups();
    sandbox::set_ids(map.inside_uid, map.inside_gid);
}

void exec_guest(int image_fd) {
    std::array<char, 8> name{"vitrine"};
    const std::array<char*, 2> argv{name.data(), nullptr};
    const std::array<char*, 1> environment{nullptr};
    ::syscall(SYS_execveat, image_fd, "", argv.data(), environment.data(), AT_EMPTY_PATH);
    throw SystemError("running the guest program", "execveat");
}

void await_go(int go_fd) {
    char go = 0;
    if (::read(go_fd, &go, 1) != 1) ::_exit(kExecFailedExit);
}

/// In the new process, still a copy of the supervisor: keep the control socket, forget the rest.
[[noreturn]] void become_guest(const sandbox::IdMap& map, Handshake& handshake, int control_fd,
                               int image_fd, Addresses addresses) {
    using sandbox::Step;
    handshake.go.write_end.reset();  // Else a supervisor that is killed now is never noticed.
    await_go(handshake.go.read_end.get());
    try {
        const UniqueFd complete = keep_high(handshake.go.read_end.get());
        const UniqueFd image = keep_high(image_fd);
        const UniqueFd failure = keep_high(handshake.failure.write_end.get());
        try {
            do_step(Step::kDescriptors, [&] { keep_zygote_descriptors(control_fd); });
            do_step(Step::kTakeIdentity, [&] { take_zygote_identity(map); });
            do_step(Step::kExecGuest, [&] {
                reset_signals();
                if (addresses == Addresses::kForSnapshot) kernel::ask_for_image_layout();
                await_go(complete.get());
                exec_guest(image.get());
            });
        } catch (const sandbox::StepError& error) {
            write_all(failure.get(), encode(error.failure()));
        }
    } catch (const Error&) {
        // The exit code is all that can still be said.
    }
    ::_exit(kExecFailedExit);
}

void await_exec(Handshake& handshake) {
    const std::string bytes = read_all(handshake.failure.read_end.get(), 65536);
    if (bytes.empty()) return;
    throw sandbox::StepError(sandbox::decode_failure(std::as_bytes(std::span(bytes))));
}

kernel::Cloned clone_zygote(const sandbox::IdMap& map, int cgroup_fd, Handshake& handshake,
                            int control_fd, int image_fd, Addresses addresses) {
    kernel::Cloned zygote = do_step(sandbox::Step::kStartZygote, [&] {
        return kernel::clone_process(
            {.flags = CLONE_NEWUSER | CLONE_NEWNS, .cgroup_fd = cgroup_fd});
    });
    if (zygote.pid == 0) become_guest(map, handshake, control_fd, image_fd, addresses);
    return zygote;
}

}  // namespace

Launching::Launching(const sandbox::IdMap& map, int cgroup_fd, Addresses addresses)
    : image_(do_step(sandbox::Step::kExecGuest, [] { return make_guest_image(); })) {
    SocketPair socket = make_socket_pair();
    control = std::move(socket.ours);
    zygote_ =
        clone_zygote(map, cgroup_fd, handshake_, socket.theirs.get(), image_.get(), addresses);
    try {
        handshake_.failure.write_end.reset();
        do_step(sandbox::Step::kMapIds,
                [&] { sandbox::write_id_map(concat("/proc/", zygote_.pid), map); });
        write_all(handshake_.go.write_end.get(), "g");
        // Half a megabyte to copy, while the zygote becomes somebody else.
        do_step(sandbox::Step::kExecGuest, [&] { fill_guest_image(image_.get()); });
        write_all(handshake_.go.write_end.get(), "g");
    } catch (...) {
        end_zygote();
        throw;
    }
}

JobPipes make_job_pipes() {
    // Not pipes: the job, which owns what it is given, could open one again and read from it.
    Pipe report = make_one_way_socket();
    SocketPair life = make_socket_pair();
    Pipe out = make_pipe();
    Pipe err = make_pipe();
    // Nor is stdin ever the host's /dev/null, whose times the job could change.
    Pipe in = make_pipe();
    return {.ours = {.stdin_end = std::move(in.write_end),
                     .stdout_end = std::move(out.read_end),
                     .stderr_end = std::move(err.read_end),
                     .report_end = std::move(report.read_end),
                     .lifeline = std::move(life.ours)},
            .stdin_end = std::move(in.read_end),
            .stdout_end = std::move(out.write_end),
            .stderr_end = std::move(err.write_end),
            .report_end = std::move(report.write_end),
            .lifeline = std::move(life.theirs)};
}

void Launching::introduce(std::string_view what, std::span<const int> fds) {
    await_exec(handshake_);
    forbid_execution(image_.get());
    send_message(control.get(), std::as_bytes(std::span(what)), fds);
}

void Launching::launch(const sandbox::SandboxSpec& sandbox, const std::vector<UniqueFd>& trees,
                       bool has_stdin_source) {
    JobPipes job = make_job_pipes();
    if (!has_stdin_source) job.ours.stdin_end.reset();
    const UniqueFd sandbox_spec = make_sealed_memfd("sandbox", encode(sandbox));
    std::vector<int> fds{sandbox_spec.get(),   job.stdin_end.get(),  job.stdout_end.get(),
                         job.stderr_end.get(), job.report_end.get(), job.lifeline.get()};
    for (const UniqueFd& tree : trees)
        fds.push_back(tree.get());
    introduce("launch", fds);
    pipes = std::move(job.ours);
}

void Launching::hand_over(const sandbox::PayloadSpec& payload, int gate_fd) {
    const UniqueFd spec = make_sealed_memfd("payload", encode(payload));
    constexpr std::array kEnter{std::byte{'e'}};
    const std::array fds{spec.get(), gate_fd};
    try {
        send_message(control.get(), kEnter, std::span(fds).first(gate_fd < 0 ? 1 : 2));
    } catch (const SystemError& error) {
        // The payload is dead already: why, it has said itself.
        if (error.error_number() != EPIPE) throw;
    }
}

void Launching::end_zygote() {
    if (is_reaped_) return;
    kernel::send_signal(zygote_.pidfd.get(), SIGKILL);
    is_reaped_ = true;
    (void)kernel::wait_for(zygote_.pidfd.get());
}

Launching::~Launching() {
    try {
        end_zygote();
    } catch (const Error&) {
        // Nothing to reap any more; the lifeline, closed next, ends the rest.
    }
}

}  // namespace vitrine::runtime
