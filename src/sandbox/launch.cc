// The launch sequence.
//
// Theory of operation. A run has four processes:
//
//   supervisor  the caller's process, on the host. Makes pipes and limits, clones the zygote into
//               a user namespace U1 and a copy of its mounts M1, writes U1's id map (0 in U1 is an
//               unprivileged host id), lets the zygote take that id and re-exec Vitrine's guest
//               program with an empty environment, and from then on watches, kills and collects.
//   zygote      root of U1, which is worth nothing on the host. Starts init, forks the payload,
//               builds the base (M1) that both wait for, and is done. Runs trusted code only.
//   init        pid 1 of the sandbox: owns its user, pid, mount, network, IPC, UTS and cgroup
//               namespaces (U2 …), then only reaps. Its death ends everything in the sandbox.
//   payload     born in the sandbox's pid namespace. Goes on from the rootfs's snapshot of an
//               interpreter, or starts one from the base, while init builds the sandbox, joins its
//               other namespaces, gives everything up, and runs the program.
//
// init and payload are children of the supervisor (CLONE_PARENT): it learns from the kernel, not
// from us, how they ended. Each list, here for the zygote, in init.cc and in payload.cc, is to be
// read top to bottom; its order is its meaning.

#include "sandbox/launch.h"

#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/file.h"
#include "kernel/process.h"
#include "sandbox/init.h"
#include "sandbox/mounts.h"
#include "sandbox/nest.h"
#include "sandbox/payload.h"
#include "sandbox/report.h"
#include "sandbox/spec.h"

namespace vitrine::sandbox {

namespace {

constexpr std::size_t kMaxTrees = 100;

LaunchFds take_launch_fds(std::vector<UniqueFd>& fds) {
    if (fds.size() < kLaunchFdCount) throw Error("the launch message lacks descriptors");
    return {std::move(fds[0]), std::move(fds[1]), std::move(fds[2]),
            std::move(fds[3]), std::move(fds[4]), std::move(fds[5])};
}

/// The supervisor outlives us, and it may already be gone: then the parent is no longer it.
void die_with_supervisor(const UniqueFd& control) {
    kernel::die_with_parent();
    pollfd event{control.get(), 0, 0};
    if (::poll(&event, 1, 0) > 0 && (event.revents & POLLHUP) != 0) {
        throw Error("the supervisor is gone");
    }
}

kernel::Cloned clone_init(const SandboxSpec& spec, InitFds fds) {
    kernel::Cloned init = kernel::clone_process({.flags = kBirthNamespaces | CLONE_PARENT});
    if (init.pid == 0) run_init(spec, fds);
    return init;
}

kernel::Cloned fork_payload(const Inheritance& inheritance, Pipe& base, Guest& guest) {
    // Only children of ours are born there; we stay where we are.
    kernel::join_namespaces(inheritance.init_pidfd, CLONE_NEWPID);
    kernel::Cloned payload = kernel::clone_process({.flags = CLONE_PARENT});
    if (payload.pid == 0) run_payload(inheritance, base, guest);
    return payload;
}

void send_control(const UniqueFd& control, ControlKind kind, std::span<const std::byte> content,
                  std::span<const int> fds = {}) {
    std::vector<std::byte> message{static_cast<std::byte>(kind)};
    message.insert(message.end(), content.begin(), content.end());
    send_message(control.get(), message, fds);
}

void launch(const UniqueFd& control, Message& message, Guest& guest) {
    const LaunchFds fds = do_step(Step::kReceiveSpec, [&] { return take_launch_fds(message.fds); });
    const SandboxSpec spec = do_step(Step::kReceiveSpec, [&] {
        const std::string bytes = read_all(fds.sandbox_spec.get(), kMaxSpecBytes);
        return decode_sandbox_spec(std::as_bytes(std::span(bytes)));
    });
    do_step(Step::kDieWithSupervisor, [&] { die_with_supervisor(control); });
    // We run as an unprivileged host id.
    Pipe ready = do_step(Step::kStartInit, [] { return make_pipe(); });
    Pipe base = do_step(Step::kStartInit, [] { return make_pipe(); });
    const kernel::Cloned init = do_step(Step::kStartInit, [&] {
        return clone_init(spec, {ready.write_end.get(), fds.lifeline.get(), base.read_end.get()});
    });
    ready.write_end.reset();
    send_control(control, ControlKind::kInitBorn, {}, std::array{init.pidfd.get()});
    const std::int64_t forking_ns = monotonic_ns();
    const kernel::Cloned payload = do_step(Step::kForkPayload, [&] {
        return fork_payload({.sandbox = spec,
                             .fds = fds,
                             .control_fd = control.get(),
                             .init_pidfd = init.pidfd.get(),
                             .init_ready_fd = ready.read_end.get()},
                            base, guest);
    });
    send_control(control, ControlKind::kLaunched,
                 encode(Launched{.forking_ns = forking_ns, .payload_pid = payload.pid}),
                 std::array{payload.pidfd.get()});
    do_step(Step::kBuildRoot, [&] {
        enter_base(spec, std::span(message.fds).subspan(kLaunchFdCount));
        constexpr std::string_view kOneForEach = "bb";
        write_all(base.write_end.get(), kOneForEach);
    });
}

}  // namespace

void run_zygote(UniqueFd control, Guest& guest) {
    try {
        Message first = do_step(Step::kReceiveSpec, [&] {
            return receive_message(control.get(), 16, kLaunchFdCount + kMaxTrees);
        });
        if (std::ranges::equal(first.bytes, std::as_bytes(std::span(kNestRequest)))) {
            return run_nest(control, first, guest);
        }
        launch(control, first, guest);
    } catch (const StepError& error) {
        send_control(control, ControlKind::kFailure, encode(error.failure()));
    }
}

}  // namespace vitrine::sandbox
