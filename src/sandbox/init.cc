#include "sandbox/init.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include "base/fd.h"
#include "kernel/process.h"
#include "sandbox/identity.h"
#include "sandbox/mounts.h"
#include "sandbox/network.h"
#include "sandbox/report.h"

namespace vitrine::sandbox {

namespace {

constexpr int kSetupFailedExit = 125;

/// Keeps its descriptors, from 3 on, and closes every other one.
InitFds keep_only(InitFds fds) {
    constexpr int kFirst = 3;
    constexpr int kOutOfTheWay = 100;
    const std::array wanted{fds.ready_fd, fds.lifeline_fd, fds.base_fd};
    std::array<UniqueFd, wanted.size()> kept;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        kept.at(i) = UniqueFd(check(::fcntl(wanted.at(i), F_DUPFD_CLOEXEC, kOutOfTheWay),
                                    "sorting descriptors", "fcntl"));
    }
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        check(::dup3(kept.at(i).get(), kFirst + static_cast<int>(i), O_CLOEXEC),
              "sorting descriptors", "dup3");
    }
    kernel::close_from(kFirst + wanted.size());
    return {kFirst, kFirst + 1, kFirst + 2};
}

/// Reaps orphans until the supervisor's end of the lifeline closes, then ends the sandbox.
[[noreturn]] void reap_until_alone(int lifeline_fd) {
    sigset_t child_signals;
    sigemptyset(&child_signals);
    sigaddset(&child_signals, SIGCHLD);
    ::sigprocmask(SIG_BLOCK, &child_signals, nullptr);
    const UniqueFd children(::signalfd(-1, &child_signals, SFD_CLOEXEC | SFD_NONBLOCK));
    std::array<pollfd, 2> events{{{lifeline_fd, POLLIN, 0}, {children.get(), POLLIN, 0}}};
    while (::poll(events.data(), events.size(), -1) >= 0 || errno == EINTR) {
        if (events[0].revents != 0) break;
        signalfd_siginfo drained{};
        while (::read(children.get(), &drained, sizeof drained) > 0) {
        }
        while (::waitpid(-1, nullptr, WNOHANG | __WALL) > 0) {
        }
    }
    ::_exit(0);
}

void map_sandbox_ids(const SandboxSpec& spec) {
    // U1 has one id, 0; the sandbox calls it by the job's uid. No group can be added any more.
    write_id_map(concat(kBaseHostProc, "/self"), {.inside_uid = spec.uid,
                                                  .inside_gid = spec.gid,
                                                  .outside_uid = 0,
                                                  .outside_gid = 0,
                                                  .deny_setgroups = true});
}

void drop_init_privileges() {
    forbid_new_privileges();
    drop_all_capabilities();
    kernel::die_with_parent();  // Cleared by the line above.
    // The job has our id and may ptrace under Docker's profile: nothing of ours is for it to see.
    check(::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), "hiding init", "prctl(PR_SET_DUMPABLE)");
}

}  // namespace

/// Until the base is built, its readers see the host's files, and no byte of the rootfs is mapped.
void await_base(int base_fd) {
    std::array<char, 1> built{};
    if (::read(base_fd, built.data(), built.size()) != 1) {
        throw Error("the zygote ended before the sandbox's files were there");
    }
}

void run_init(const SandboxSpec& spec, InitFds inherited, bool has_network) {
    WireWriter answer;
    try {
        const InitFds fds = do_step(Step::kDescriptors, [&] { return keep_only(inherited); });
        try {
            do_step(Step::kMapIds, [&] { map_sandbox_ids(spec); });
            do_step(Step::kNamespaces, [&] {
                const int missing = has_network ? kOwnNamespaces & ~CLONE_NEWNET : kOwnNamespaces;
                check(::unshare(missing), "making the sandbox's namespaces", "unshare");
            });
            do_step(Step::kHostname, [&] {
                check(::sethostname(spec.hostname.data(), spec.hostname.size()),
                      "setting the hostname", "sethostname");
            });
            if (!has_network) do_step(Step::kNetwork, [] { bring_loopback_up(); });
            do_step(Step::kAwaitBase, [&] { await_base(fds.base_fd); });
            do_step(Step::kNamespaces, [] {
                check(::unshare(CLONE_NEWNS), "making the sandbox's mount namespace", "unshare");
            });
            const UniqueFd tmp =
                do_step(Step::kMountRoot, [&] { return enter_sandbox_root(spec); });
            // For the supervisor, who reads it when nothing of the job is alive any more.
            if (tmp)
                send_message(fds.lifeline_fd, std::array{std::byte{'t'}}, std::array{tmp.get()});
            do_step(Step::kPivotRoot, [] { seal_proc(); });
            do_step(Step::kDropInitPrivileges, [] { drop_init_privileges(); });
            answer.put(true);
        } catch (const StepError& error) {
            answer.put(false);
            const auto bytes = encode(error.failure());
            answer.put(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
        }
        write_all(fds.ready_fd, answer.bytes());
        ::close(fds.ready_fd);
        reap_until_alone(fds.lifeline_fd);
    } catch (...) {
        ::_exit(kSetupFailedExit);
    }
}

void await_init(int ready_fd) {
    const std::string bytes = read_all(ready_fd, 65536);
    if (bytes.empty()) throw Error("the sandbox's init died while setting up");
    WireReader reader(std::as_bytes(std::span(bytes)));
    if (reader.get<bool>()) return;
    const std::string_view failure = reader.get_view();
    throw StepError(decode_failure(std::as_bytes(std::span(failure))));
}

}  // namespace vitrine::sandbox
