#include "runtime/warm_sandbox.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/error.h"
#include "base/wire.h"
#include "python/gate.h"
#include "sandbox/memfds.h"

namespace vitrine::runtime {

WarmSandbox::WarmSandbox(const RunContext& context, std::shared_ptr<const WarmMould> mould,
                         WarmOwner& owner)
    : WarmSandbox(context, std::move(mould), owner, make_job_pipes()) {}

WarmSandbox::WarmSandbox(const RunContext& context, std::shared_ptr<const WarmMould> mould,
                         WarmOwner& owner, JobPipes pipes)
    : context_(context),
      mould_(std::move(mould)),
      nest_(mould_->nest),
      owner_(&owner),
      leaf_(context.limits.make_leaf(mould_->job)),
      lifeline_fd_(pipes.ours.lifeline.get()),
      theirs_(std::move(pipes)),
      init_ready_(make_pipe()),
      program_(make_pipe()),
      watch_(context.loop, context.children, std::move(theirs_.ours),
             {.on_listening =
                  [this](int payload_pidfd, int listener_fd) {
                      listener_->take_from(payload_pidfd, listener_fd);
                  },
              .on_confined = [this] { tell_parked(); },
              .on_ending =
                  [this] {
                      if (!is_answer_due_) watch_.launch_ended();
                  },
              .on_result = [this] { owner_->over(*this); },
              .on_gone = [this] { owner_->gone(*this); }}) {
    if (mould_->listened_filter) listen();
}

WarmSandbox::~WarmSandbox() {
    if (program_.write_end) context_.loop.forget(program_.write_end.get());
    if (network_ && watch_.is_gone()) nest_->keep_network(std::move(network_));
}

void WarmSandbox::listen() {
    listener_.emplace(
        context_.loop, *mould_->listened_filter,
        CallListener::Hooks{
            .told = [this](const seccomp_data& call,
                           std::uint32_t outcome) { denials_.note(call, outcome); },
            .on_taken = [this] { tell_parked(); },
            .on_failed = [this](const sandbox::Failure& failure) { watch_.fail(failure); }});
}

/// A payload whose filter has a listener gives that up when it is given its program: the
/// supervisor must have it by then.
void WarmSandbox::tell_parked() {
    if (!watch_.is_confined() || (listener_ && !listener_->is_taken())) return;
    owner_->parked(*this);
}

// ── birth ──

void WarmSandbox::prepare() {
    is_answer_due_ = true;
    if (mould_->shares_networks) network_ = nest_->take_network();
    nest_->ask_for_init(*this, {.waits = leaf_.has_value(),
                                .shares_networks = mould_->shares_networks,
                                .ready_fd = init_ready_.write_end.get(),
                                .lifeline_fd = theirs_.lifeline.get(),
                                .network_fd = network_.get()});
    init_ready_.write_end.reset();
    theirs_.lifeline.reset();
}

/// Into the job's cgroup, before it does anything. Parked sandboxes are made ahead of time, so
/// nobody waits for what moving a process costs.
void WarmSandbox::place(pid_t pid) {
    if (leaf_) leaf_->move_in(pid);
}

void WarmSandbox::init_born(UniqueFd pidfd, pid_t pid, UniqueFd network) {
    is_answer_due_ = false;
    // What was offered for it was not clean.
    if (network) network_ = std::move(network);
    watch_.init_born(std::move(pidfd), pid);
    if (watch_.is_ending()) return watch_.launch_ended();
    try {
        place(pid);
        if (leaf_) send_message(lifeline_fd_, std::array{std::byte{'g'}});
        if (mould_->forbids_executable_memfds) {
            (void)sandbox::forbid_executable_memfds(watch_.init_pidfd().get());
        }
        ask_for_payload();
    } catch (const std::exception& error) {
        watch_.fail({.step = sandbox::Step::kStartInit, .message = error.what()});
        if (!is_answer_due_) watch_.launch_ended();
    }
}

void WarmSandbox::ask_for_payload() {
    is_answer_due_ = true;
    nest_->ask_for_payload(
        *this, owner_->is_awaited(),
        std::array{watch_.init_pidfd().get(), init_ready_.read_end.get(), theirs_.stdin_end.get(),
                   theirs_.stdout_end.get(), theirs_.stderr_end.get(), theirs_.report_end.get(),
                   program_.read_end.get(), mould_->payload_spec.get()});
    init_ready_.read_end.reset();
    program_.read_end.reset();
    theirs_ = {};
}

void WarmSandbox::payload_born(UniqueFd pidfd, const sandbox::Launched& launched) {
    is_answer_due_ = false;
    try {
        place(launched.payload_pid);
    } catch (const std::exception& error) {
        watch_.fail({.step = sandbox::Step::kForkPayload, .message = error.what()});
    }
    watch_.payload_born(std::move(pidfd), launched);
    watch_.launch_ended();
}

void WarmSandbox::birth_failed(const sandbox::Failure& failure) {
    is_answer_due_ = false;
    watch_.fail(failure);
    watch_.launch_ended();
}

// ── its job ──

void WarmSandbox::begin(std::string program, const Limits& limits, const Streams& streams,
                        Holder* holder) {
    Duties duties{.keeps_artifacts = mould_->keeps_artifacts};
    take_duties(leaf_, duties);
    if (!leaf_) duties.warm_bytes = nest_->memory_bytes();
    if (holder != nullptr) {
        is_held_ = true;
        duties.on_held = [holder](pid_t payload) { holder->hold(payload); };
        duties.on_end = [holder] { holder->end(); };
    }
    watch_.begin(limits, streams, duties);
    WireWriter size;
    size.put(sandbox::WarmProgramSize{program.size()});
    program.insert(0, size.text());
    program_rest_ = std::move(program);
    check(::fcntl(program_.write_end.get(), F_SETFL, O_NONBLOCK), "preparing a pipe", "fcntl");
    feed();
    if (program_.write_end && !program_rest_.empty()) {
        context_.loop.watch(program_.write_end.get(), EPOLLOUT, [this] { feed(); });
    }
}

void WarmSandbox::open_gate() {
    python::open_gate(program_.write_end.get());
    program_.write_end.reset();
}

/// As much as the pipe takes. What a held program came by is its gate.
void WarmSandbox::feed() {
    const ssize_t written =
        ::write(program_.write_end.get(), program_rest_.data(), program_rest_.size());
    if (written < 0 && (errno == EAGAIN || errno == EINTR)) return;
    // Anything else: the payload is dead, which is noticed elsewhere.
    if (written > 0) program_rest_.erase(0, static_cast<std::size_t>(written));
    if (written > 0 && !program_rest_.empty()) return;
    program_rest_ = {};
    context_.loop.forget(program_.write_end.get());
    if (!is_held_) program_.write_end.reset();
}

}  // namespace vitrine::runtime
