#include "runtime/cold_run.h"

#include <signal.h>
#include <unistd.h>

#include "base/error.h"
#include "python/gate.h"
#include "rootfs/snapshot.h"
#include "runtime/plan.h"
#include "runtime/signals.h"
#include "sandbox/memfds.h"
#include "sandbox/report.h"

namespace vitrine::runtime {

namespace {

using sandbox::monotonic_ns;

/// How long a zygote whose init is dead may take to notice.
constexpr std::int64_t kZygoteGraceNs = 2'000'000'000;

}  // namespace

ColdRun::ColdRun(const RunContext& context, const Job& job, const RunOptions& options,
                 std::function<void()> on_done)
    : context_(context),
      job_(job),
      options_(options),
      on_done_(std::move(on_done)),
      reporting_(job),
      zygote_patience_(context.loop, [this] { launching_->end_zygote(); }) {}

ColdRun::~ColdRun() {
    if (!launching_) return;
    if (launching_->control) context_.loop.forget(launching_->control.get());
    context_.loop.forget(launching_->zygote_pidfd());
}

void ColdRun::start() {
    try {
        stdin_ = plan_step("stdin", [&] { return open_stdin(job_); });
        plan_step("cgroup", [&] {
            if (auto leaf = context_.limits.make_leaf(job_)) leaf_.emplace(std::move(*leaf));
        });
        context_.limits.describe(reporting_);
        reporting_.note(leaf_ ? "the job's cgroup is made, its limits are written"
                              : "no cgroup: rlimits will hold the job");
        holder_ = make_holder(
            context_, options_,
            {.on_open = [this] { open_gate(); },
             .on_failed = [this](sandbox::Failure failure) { watch_->fail(std::move(failure)); },
             .on_done =
                 [this] {
                     if (watch_->is_gone()) take_result();
                 }});
        if (holder_) gate_ = make_pipe();
        launch();
    } catch (const std::exception&) {
        reporting_.fail_by_current_exception();
        launching_.reset();
        on_done_();
    }
}

void ColdRun::launch() {
    const HostIdentity identity = host_identity();
    is_privileged_ = identity.is_privileged;
    launching_.emplace(identity.map, leaf_ ? leaf_->directory_fd() : -1,
                       options_.snapshot_fd >= 0 ? Addresses::kForSnapshot : Addresses::kRandom);
    reporting_.note("the zygote is born in its namespaces, its ids are mapped");
    // The zygote is on its way; what it is to do is worked out meanwhile.
    SandboxPlan plan = plan_sandbox(job_, identity);
    plan_snapshot(plan.spec);
    reporting_.note("the rootfs is read, the sandbox is planned");
    launching_->launch(plan.spec, plan.trees, stdin_.fd >= 0);
    reporting_.note("the zygote runs the guest program and was told what to make");
    Duties duties{.keeps_artifacts = plan.spec.keeps_artifacts,
                  .has_terminal = plan.spec.has_terminal};
    take_duties(leaf_, duties);
    if (holder_) {
        duties.on_held = [this](pid_t payload) { holder_->hold(payload); };
        duties.on_end = [this] { holder_->end(); };
    }
    watch_.emplace(
        context_.loop, context_.children, std::move(launching_->pipes),
        Watch::Hooks{.on_listening =
                         [this](int payload_pidfd, int listener_fd) {
                             listener_->take_from(payload_pidfd, listener_fd);
                         },
                     .on_confined = [this] { tell_confined(); },
                     .on_ending = [this] { zygote_patience_.set(monotonic_ns() + kZygoteGraceNs); },
                     .on_gone =
                         [this] {
                             if (!holder_ || holder_->is_done()) take_result();
                         }});
    watch_->begin(job_.limits,
                  {.stdin_fd = stdin_.fd,
                   .stdout_fd = options_.stdout_fd,
                   .stderr_fd = options_.stderr_fd,
                   .status_fd = options_.status_fd,
                   .terminal_fd = options_.terminal_fd},
                  duties);
    zygote_pid_ = launching_->zygote_pid();
    context_.children.add(zygote_pid_);
    context_.loop.watch(launching_->control.get(), EPOLLIN, [this] { take_control(); });
    context_.loop.watch(launching_->zygote_pidfd(), EPOLLIN, [this] { take_zygote_end(); });
    try {
        plan_program(identity);
    } catch (const std::exception&) {
        plan_problem_ = std::current_exception();
        watch_->end();
    }
}

/// Whoever attaches to a program wants to see the libraries it runs by, not a copy of them.
void ColdRun::plan_snapshot(sandbox::SandboxSpec& spec) {
    using Use = sandbox::SandboxSpec::Snapshot;
    if (options_.snapshot_fd >= 0) {
        spec.snapshot = Use::kMake;
        return;
    }
    if (holder_ || !job_.command.empty() || !job_.uses_snapshot) return;
    spec.snapshot_file = options_.snapshot_file;
    if (spec.snapshot_file.empty()) {
        const rootfs::Snapshot found = rootfs::find_snapshot(job_.rootfs);
        if (found == rootfs::Snapshot::kForeign) reporting_.refuse_snapshot();
        if (found != rootfs::Snapshot::kUsable) return;
        spec.snapshot_file = rootfs::kSnapshotFile;
    }
    reporting_.set_snapshot();
    spec.snapshot = Use::kGoOn;
}

/// What the payload is to do, while it starts.
void ColdRun::plan_program(const HostIdentity& identity) {
    PayloadPlan plan = plan_payload(job_, options_.profiles, leaf_.has_value(), options_.checks);
    if (options_.on_call) have_calls_told(plan, seccomp::Notify::kAll);
    reporting_.describe_isolation(plan.filter, identity.map.outside_uid);
    payload_ = std::move(plan.spec);
    payload_.is_held = holder_ != nullptr;
    if (options_.snapshot_fd >= 0)
        payload_.program = plan_snapshot_heap(job_, options_.profiles, options_.snapshot_modules);
    if (payload_.is_listened_to) listen_to(plan.filter.programs.front());
    reporting_.note("profile and policy are read, the program is planned");
}

void ColdRun::listen_to(seccomp::Program filter) {
    if (!gate_.read_end) gate_ = make_pipe();
    listener_.emplace(
        context_.loop, std::move(filter),
        CallListener::Hooks{
            .told =
                [this](const seccomp_data& call, std::uint32_t outcome) {
                    denials_.note(call, outcome);
                    if (options_.on_call) options_.on_call(call, outcome);
                },
            .on_taken = [this] { tell_taken(); },
            .on_failed = [this](const sandbox::Failure& failure) { watch_->fail(failure); },
            .is_trusted = static_cast<bool>(options_.on_call)});
}

/// The payload waits at its gate to hear of it; a program that is held stays there.
void ColdRun::tell_taken() {
    constexpr std::string_view kTaken = "l";
    // A payload that died meanwhile is noticed elsewhere.
    (void)!::write(gate_.write_end.get(), kTaken.data(), kTaken.size());
    if (!holder_) gate_.write_end.reset();
}

// ── what the zygote tells ──

void ColdRun::take_control() {
    try {
        Message message = receive_message(launching_->control.get(), 65536, 1);
        if (!message.bytes.empty()) return take_message(message);
    } catch (const std::exception& error) {
        watch_->fail({.step = sandbox::Step::kStartInterpreter, .message = error.what()});
    }
    context_.loop.forget(launching_->control.get());
    launching_->control.reset();
    if (is_announced_) return;
    is_announced_ = true;
    watch_->fail(
        {.step = sandbox::Step::kStartInterpreter,
         .message = "the zygote died while setting up",
         .hint = "see whether the rootfs is complete: build it again with vitrine rootfs build"});
}

void ColdRun::take_message(Message& message) {
    const auto content = std::span(message.bytes).subspan(1);
    switch (static_cast<sandbox::ControlKind>(message.bytes[0])) {
        case sandbox::ControlKind::kFailure:
            is_announced_ = true;
            watch_->fail(sandbox::decode_failure(content));
            break;
        case sandbox::ControlKind::kInitBorn: {
            const pid_t pid = kernel::pid_of(message.fds.at(0).get());
            watch_->init_born(std::move(message.fds.at(0)), pid);
            do_our_part();
            break;
        }
        case sandbox::ControlKind::kLaunched:
            is_announced_ = true;
            watch_->payload_born(std::move(message.fds.at(0)), sandbox::decode_launched(content));
            tell_payload();
            break;
    }
}

/// While init builds the sandbox and the payload starts the interpreter.
void ColdRun::do_our_part() {
    try {
        if (is_privileged_) (void)sandbox::forbid_executable_memfds(watch_->init_pidfd().get());
    } catch (const SystemError&) {
        // Init may be dead already. Whether they are forbidden, the payload finds out.
    }
    reporting_.note("init is seen");
}

/// Not before it is known as a child of ours: one that is not has never run a program.
void ColdRun::tell_payload() {
    launching_->hand_over(payload_,
                          options_.snapshot_fd >= 0 ? options_.snapshot_fd : gate_.read_end.get());
    gate_.read_end.reset();
    reporting_.note("the payload is seen, and was told what to run");
}

void ColdRun::open_gate() {
    reporting_.note("whoever was waited for has attached");
    watch_->release();
    python::open_gate(gate_.write_end.get());
    gate_.write_end.reset();
}

/// A zygote killed between forking a payload and announcing it would leave us a child we do not
/// know: it is heard out first.
void ColdRun::take_zygote_end() {
    context_.loop.forget(launching_->zygote_pidfd());
    zygote_patience_.unset();
    launching_->end_zygote();
    context_.children.remove(zygote_pid_);
    while (launching_->control)
        take_control();
    watch_->launch_ended();
}

// ── the end ──

void ColdRun::interrupt(int signal) {
    if (watch_) watch_->interrupt(signal);
}

void ColdRun::tell_confined() {
    if (!options_.on_confined) return;
    options_.on_confined(reporting_.isolation_of(*watch_->claims().confined));
}

/// Of a terminal that is gone nobody can ask for an end a second time.
void ColdRun::take_signal(int signal) {
    const JobTerminal* terminal = watch_ ? watch_->terminal() : nullptr;
    if (terminal != nullptr && signal == SIGWINCH) return terminal->follow_window();
    if (terminal != nullptr && signal == SIGCONT) return terminal->resume();
    const bool is_for_command =
        watch_ && !job_.command.empty() && !(job_.has_terminal && signal == SIGHUP);
    if (!is_end_signal(signal)) {
        if (is_for_command) (void)watch_->forward(signal);
        return;
    }
    const bool is_handed_on =
        is_for_command && !std::exchange(was_asked_to_end_, true) && watch_->forward(signal);
    if (!is_handed_on) interrupt(signal);
}

void ColdRun::let_go() {
    if (holder_) holder_->let_go();
}

void ColdRun::take_result() {
    try {
        if (holder_) {
            for (std::string& warning : holder_->warnings())
                reporting_.warn(std::move(warning));
        }
        if (plan_problem_) std::rethrow_exception(plan_problem_);
        reporting_.take(watch_->take(), leaf_ ? &*leaf_ : nullptr);
        take_denials();
    } catch (const std::exception&) {
        reporting_.fail_by_current_exception();
    }
    on_done_();
}

void ColdRun::take_denials() {
    if (denials_.is_empty()) return;
    seccomp::DenialStudy study = plan_denial_study(job_, options_.profiles);
    reporting_.set_denied(denials_.explained(study));
}

RunReport ColdRun::report() {
    leaf_.reset();
    return reporting_.finish(options_.status_fd);
}

}  // namespace vitrine::runtime
