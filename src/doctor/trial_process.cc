#include "doctor/trial_process.h"

#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "kernel/process.h"
#include "runtime/host.h"
#include "sandbox/identity.h"
#include "sandbox/init.h"
#include "sandbox/report.h"

namespace vitrine::doctor {

namespace {

using sandbox::Failure;
using sandbox::Step;

constexpr unsigned kPatienceSeconds = 30;
constexpr std::size_t kMaxAnswer = 65536;
constexpr std::uint32_t kSandboxUid = 1000;

/// The child's whole life. Silence and exit code 0 say that it was done.
[[noreturn]] void run_trial(int answer_fd, const std::function<void()>& action) {
    try {
        ::alarm(kPatienceSeconds);
        try {
            action();
        } catch (const sandbox::StepError& error) {
            write_all(answer_fd, sandbox::encode(error.failure()));
            ::_exit(1);
        }
    } catch (...) {
        ::_exit(2);
    }
    ::_exit(0);
}

void await_go(const Pipe& go) {
    char byte = 0;
    if (::read(go.read_end.get(), &byte, 1) != 1) throw Error("the parent is gone");
}

void become_root_of_namespace(const sandbox::IdMap& map) {
    if (!map.deny_setgroups) sandbox::clear_groups();
    sandbox::set_ids(map.inside_uid, map.inside_gid);
    // A zygote is dumpable again by its exec; else its /proc/self would be closed to itself.
    check(::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0), "opening the trial's own /proc/self",
          "prctl(PR_SET_DUMPABLE)");
}

std::optional<Failure> take_answer(const kernel::Cloned& child, const Pipe& answer, Step step) {
    const std::string bytes = read_all(answer.read_end.get(), kMaxAnswer);
    const kernel::Ended ended = kernel::wait_for(child.pidfd.get());
    if (!bytes.empty()) return sandbox::decode_failure(std::as_bytes(std::span(bytes)));
    if (!ended.by_signal && ended.code == 0) return std::nullopt;
    return Failure{.step = step,
                   .message = concat("the process that tried it ended with ",
                                     ended.by_signal ? "signal " : "exit code ", ended.code)};
}

/// Throws StepError; the child is gone then.
void let_go(const kernel::Cloned& child, const Pipe& go, std::uint64_t flags,
            const sandbox::IdMap& map) {
    try {
        if ((flags & CLONE_NEWUSER) != 0) {
            do_step(Step::kMapIds,
                    [&] { sandbox::write_id_map(concat("/proc/", child.pid), map); });
        }
        write_all(go.write_end.get(), "g");
    } catch (...) {
        kernel::send_signal(child.pidfd.get(), SIGKILL);
        (void)kernel::wait_for(child.pidfd.get());
        throw;
    }
}

}  // namespace

std::optional<Failure> try_in_child(Step step, std::uint64_t flags,
                                    const std::function<void()>& action) {
    Pipe go = make_pipe();
    Pipe answer = make_pipe();
    const sandbox::IdMap map = runtime::host_identity().map;
    try {
        const kernel::Cloned child = do_step(Step::kStartZygote, [&] {
            return kernel::clone_process({.flags = flags, .exit_signal = SIGCHLD});
        });
        if (child.pid == 0) {
            go.write_end.reset();
            run_trial(answer.write_end.get(), [&] {
                await_go(go);
                if ((flags & CLONE_NEWUSER) != 0) {
                    do_step(Step::kTakeIdentity, [&] { become_root_of_namespace(map); });
                }
                do_step(step, action);
            });
        }
        answer.write_end.reset();
        let_go(child, go, flags, map);
        return take_answer(child, answer, step);
    } catch (const sandbox::StepError& error) {
        return error.failure();
    }
}

std::optional<Failure> try_in_sandbox(Step step, const std::function<void()>& action) {
    return try_in_child(step, CLONE_NEWUSER | CLONE_NEWNS, [&] {
        Pipe answer = make_pipe();
        const kernel::Cloned init = do_step(Step::kStartInit, [] {
            return kernel::clone_process(
                {.flags = sandbox::kBirthNamespaces, .exit_signal = SIGCHLD});
        });
        if (init.pid == 0) {
            run_trial(answer.write_end.get(), [&] {
                do_step(Step::kMapIds, [] {
                    sandbox::write_id_map("/proc/self",
                                          {.inside_uid = kSandboxUid, .inside_gid = kSandboxUid});
                });
                do_step(step, action);
            });
        }
        answer.write_end.reset();
        if (auto failure = take_answer(init, answer, step)) throw sandbox::StepError(*failure);
    });
}

}  // namespace vitrine::doctor
