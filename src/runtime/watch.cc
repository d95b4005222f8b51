#include "runtime/watch.h"

#include <fcntl.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "base/error.h"
#include "limits/rlimits.h"
#include "runtime/events.h"

namespace vitrine::runtime {

namespace {

using sandbox::monotonic_ns;

constexpr std::int64_t kSetupDeadlineNs = 60'000'000'000;
constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kMemoryLookNs =
    std::chrono::nanoseconds(limits::MemoryWatch::kInterval).count();
/// An end that takes longer may be waiting for a stranger to be reaped.
constexpr std::int64_t kEndLookNs = 20'000'000;
constexpr std::size_t kReadSize = 65536;

/// CPU time of all threads of a process, by its clock. 0 once it is gone.
std::int64_t process_cpu_ns(pid_t pid) {
    clockid_t clock = 0;
    timespec time{};
    if (::clock_getcpuclockid(pid, &clock) != 0 || ::clock_gettime(clock, &time) != 0) return 0;
    return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}

/// As a child of ours that ended is told of; if it was taken from us, as one that was killed.
kernel::Ended wait_for_child(int pidfd) {
    try {
        return kernel::wait_for(pidfd);
    } catch (const SystemError&) {
        return {.by_signal = true, .code = SIGKILL};
    }
}

}  // namespace

Watch::Watch(EventLoop& loop, Children& children, SandboxPipes pipes, Hooks hooks)
    : loop_(loop),
      children_(children),
      pipes_(std::move(pipes)),
      hooks_(std::move(hooks)),
      deadline_ns_(monotonic_ns() + kSetupDeadlineNs),
      next_cpu_check_ns_(kNever),
      next_memory_check_ns_(kNever),
      alarm_(loop, [this] { guarded([this] { check_clocks(); }); }) {
    check(::fcntl(pipes_.report_end.get(), F_SETFL, O_NONBLOCK), "preparing a pipe",
          "fcntl(F_SETFL)");
    loop_.watch(pipes_.report_end.get(), EPOLLIN, [this] { guarded([this] { read_report(); }); });
    set_alarm();
}

Watch::~Watch() {
    for (const UniqueFd* watched : {&pipes_.report_end, &payload_pidfd_, &init_pidfd_}) {
        if (*watched) loop_.forget(watched->get());
    }
}

/// What goes wrong in watching ends this sandbox, and no other.
void Watch::guarded(const std::function<void()>& action) {
    try {
        action();
    } catch (const std::exception& error) {
        if (!observed_.problem) observed_.problem = error.what();
        end();
    }
}

// ── birth ──

void Watch::init_born(UniqueFd pidfd, pid_t pid) {
    init_pidfd_ = std::move(pidfd);
    init_pid_ = pid;
    children_.add(pid);
    if (is_ending_) kill_init();
}

void Watch::payload_born(UniqueFd pidfd, const sandbox::Launched& launched) {
    payload_pidfd_ = std::move(pidfd);
    observed_.launched = launched;
    children_.add(launched.payload_pid);
    loop_.watch(payload_pidfd_.get(), EPOLLIN, [this] { guarded([this] { take_payload_end(); }); });
    if (limits_ != nullptr) send_event(streams_.status_fd, "child-pid", launched.payload_pid);
    if (is_ending_) kill_init();
    tell_listening();
    tell_confined();
    tell_held();
}

void Watch::launch_ended() {
    if (!is_launching_) return;
    is_launching_ = false;
    if (is_ending_) guarded([this] { await_ends(); });
}

void Watch::fail(sandbox::Failure failure) {
    if (!observed_.failure) observed_.failure = std::move(failure);
    end();
}

// ── the job ──

void Watch::begin(const Limits& limits, const Streams& streams, const Duties& duties) {
    limits_ = &limits;
    streams_ = streams;
    duties_ = duties;
    if (!duties.has_terminal) connect_pipes();
    memory_.emplace(limits::allowed_memory(limits) + duties.warm_bytes);
    if (observed_.launched) {
        send_event(streams_.status_fd, "child-pid", observed_.launched->payload_pid);
    }
    if (is_confined()) start_clocks();
}

void Watch::connect_pipes() {
    out_ = std::make_unique<OutputStream>(loop_, std::move(pipes_.stdout_end), streams_.stdout_fd,
                                          *limits_, [this] { check_output(*out_); });
    err_ = std::make_unique<OutputStream>(loop_, std::move(pipes_.stderr_end), streams_.stderr_fd,
                                          *limits_, [this] { check_output(*err_); });
    in_ = std::make_unique<InputStream>(loop_, std::move(pipes_.stdin_end), streams_.stdin_fd);
}

/// In place of the pipes; the job's program may run already, and finds nobody at the other end
/// until now.
void Watch::connect_terminal() {
    take_gifts(sandbox::InitGift::kTerminal);
    if (!terminal_ends_.slave) throw Error("the job's terminal did not come");
    terminal_.emplace(std::move(terminal_ends_), streams_.terminal_fd);
    out_ = std::make_unique<OutputStream>(
        loop_, terminal_->master(), streams_.stdout_fd, *limits_, [this] { check_output(*out_); },
        Shown::kScreen);
    in_ = std::make_unique<InputStream>(loop_, terminal_->master(), streams_.stdin_fd,
                                        [this](std::string_view keys) {
                                            if (terminal_ && terminal_->is_escape(keys))
                                                interrupt(SIGINT);
                                        });
}

/// Reads once: a job that writes faster than we read must not keep us from the clock.
void Watch::read_report() {
    (void)take_report();
}

bool Watch::take_report() {
    std::array<std::byte, kReadSize> buffer;
    const bool was_confined = is_confined();
    const ssize_t got = ::read(pipes_.report_end.get(), buffer.data(), buffer.size());
    if (got == 0) {
        loop_.forget(pipes_.report_end.get());
        pipes_.report_end.reset();
    }
    if (got <= 0) return false;
    claims_.feed(std::span(buffer).first(static_cast<std::size_t>(got)));
    tell_listening();
    if (!was_confined && is_confined() && !is_ending_) {
        deadline_ns_ = kNever;
        if (limits_ != nullptr) start_clocks();
        set_alarm();
        tell_confined();
    }
    tell_held();
    return true;
}

/// Both are needed: the zygote tells of the payload, and the payload of its listener.
void Watch::tell_listening() {
    const auto& listening = claims_.claims().listening;
    if (!listening || !observed_.launched || is_ending_ || has_told_listening_) return;
    has_told_listening_ = true;
    if (hooks_.on_listening) hooks_.on_listening(payload_pidfd_.get(), listening->listener_fd);
}

/// Given a program before it was announced, it could end before, too, and be taken for a stranger.
void Watch::tell_confined() {
    if (!is_confined() || !observed_.launched || is_ending_ || has_told_confined_) return;
    has_told_confined_ = true;
    if (hooks_.on_confined) hooks_.on_confined();
    if (duties_.has_terminal) guarded([this] { connect_terminal(); });
}

/// Once: after its acceptance the claims are fixed, but for what the job says.
void Watch::tell_held() {
    const Claims& claims = claims_.claims();
    const auto& accepted = claims.accepted ? claims.accepted : claims.starting;
    if (!accepted || !accepted->is_held || !observed_.launched || !duties_.on_held) return;
    if (is_ending_ || held_since_ns_ != 0) return;
    held_since_ns_ = accepted->accepted_ns;
    is_held_ = true;
    deadline_ns_ = kNever;
    set_alarm();
    duties_.on_held(observed_.launched->payload_pid);
}

void Watch::release() {
    if (!is_held_ || is_ending_) return;
    count_hold();
    deadline_ns_ = observed_.started_ns + limits_->timeout.count() + observed_.held_ns;
    set_alarm();
}

void Watch::count_hold() {
    if (!std::exchange(is_held_, false)) return;
    observed_.held_ns = monotonic_ns() - held_since_ns_;
}

/// The job's own time begins when it is confined.
void Watch::start_clocks() {
    observed_.started_ns = monotonic_ns();
    deadline_ns_ = observed_.started_ns + limits_->timeout.count();
    if (limits_->cpu_time) next_cpu_check_ns_ = observed_.started_ns;
    if (!duties_.is_out_of_memory) next_memory_check_ns_ = observed_.started_ns + kMemoryLookNs;
    set_alarm();
}

void Watch::check_output(const OutputStream& stream) {
    if (limits_->output_overflow == OutputOverflow::kKill && stream.capture().is_over_limit()) {
        kill(KillCause::kOutput);
    }
}

void Watch::set_alarm() {
    const std::int64_t next = std::min({deadline_ns_, next_cpu_check_ns_, next_memory_check_ns_});
    if (next == kNever) return alarm_.unset();
    alarm_.set(next);
}

void Watch::check_clocks() {
    const std::int64_t now = monotonic_ns();
    if (is_ending_) {
        if (is_gone_) return;
        // The only clock left: the others' times have come and would come again at once.
        alarm_.set(now + kEndLookNs);
        return look_for_ends();
    }
    if (now >= next_memory_check_ns_) check_memory(now);
    if (now >= deadline_ns_) {
        if (observed_.started_ns != 0) {
            kill(KillCause::kTimeout);
        } else {
            fail({.step = sandbox::Step::kStartInterpreter,
                  .message = "the sandbox was not ready within a minute",
                  .hint = "is the rootfs on a file system that answers?"});
        }
    }
    if (now >= next_cpu_check_ns_) check_cpu_time(now);
    if (!is_ending_) set_alarm();
}

/// The program cannot use more than every CPU until the next look: no need to look earlier.
void Watch::check_cpu_time(std::int64_t now) {
    const std::int64_t used =
        duties_.cpu_ns ? duties_.cpu_ns() : process_cpu_ns(observed_.launched->payload_pid);
    const std::int64_t left = limits_->cpu_time->count() - used;
    if (left <= 0) return kill(KillCause::kCpuTime);
    const long cpus = std::max(1L, ::sysconf(_SC_NPROCESSORS_ONLN));
    next_cpu_check_ns_ = now + std::max<std::int64_t>(1'000'000, left / cpus);
}

void Watch::check_memory(std::int64_t now) {
    next_memory_check_ns_ = now + kMemoryLookNs;
    if (!observed_.launched) return;
    const pid_t payload = observed_.launched->payload_pid;
    if (memory_->look(std::array{init_pid_, payload}, concat("/proc/", payload, "/root/tmp"))) {
        kill(KillCause::kMemory);
    }
}

/// Writes the cause down, then ends the sandbox. The first cause stays, and the kernel's kill for
/// memory is one, though only the kernel has it written down.
void Watch::kill(KillCause cause) {
    if (is_ending_) return;
    const bool kernel_was_first = duties_.is_out_of_memory && duties_.is_out_of_memory();
    if (observed_.cause == KillCause::kNone && !kernel_was_first) observed_.cause = cause;
    if (observed_.started_ns == 0) {
        return fail({.step = sandbox::Step::kAwaitInit, .message = "interrupted while setting up"});
    }
    end();
}

bool Watch::forward(int signal) {
    if (pipes_.report_end) guarded([this] { read_report(); });
    if (is_ending_ || !claims_.claims().starting) return false;
    guarded([&] { kernel::send_signal(payload_pidfd_.get(), signal); });
    return true;
}

void Watch::interrupt(int signal) {
    observed_.interrupt_signal = signal;
    // The job is over already: what is left to end is the wait for whoever reads its output.
    is_output_dropped_ = is_output_dropped_ || is_ending_;
    if (is_finishing_) return drop_output();
    guarded([this] { kill(KillCause::kInterrupted); });
}

// ── the end ──

/// Init's death takes every process of its pid namespace with it, and it is not over before they
/// are. The payload, our child, is reaped before: init's end waits for that.
void Watch::end() {
    if (is_ending_) return;
    is_ending_ = true;
    count_hold();
    if (duties_.on_end) duties_.on_end();
    next_cpu_check_ns_ = kNever;
    next_memory_check_ns_ = kNever;
    deadline_ns_ = monotonic_ns() + kEndLookNs;
    set_alarm();
    kill_init();
    if (!is_launching_) return await_ends();
    hooks_.on_ending();
}

void Watch::kill_init() {
    if (!init_pidfd_) return;
    try {
        kernel::send_signal(init_pidfd_.get(), SIGKILL);
    } catch (const SystemError&) {
        // The lifeline, closed when nothing more is born, ends it all the same.
    }
}

/// Whatever was not heard of: the end of a process whose tracer lets go of it late, or one that the
/// loop could not be asked to watch.
void Watch::look_for_ends() {
    children_.reap_strangers();
    if (payload_pidfd_ && observed_.ended_ns == 0 && kernel::ends_within(payload_pidfd_.get(), 0)) {
        observed_.ended_ns = monotonic_ns();
    }
    reap_payload();
    if (!is_launching_ && init_pidfd_ && kernel::ends_within(init_pidfd_.get(), 0)) take_init_end();
}

void Watch::take_payload_end() {
    if (observed_.ended_ns != 0) return;
    loop_.forget(payload_pidfd_.get());
    // What the job wrote before its end is read before its end is noticed.
    for (const auto* stream : {&out_, &err_}) {
        if (*stream) (*stream)->look();
    }
    observed_.ended_ns = monotonic_ns();
    // Before it is reaped: a process of the job may be its tracer, and would keep it from us.
    end();
    reap_payload();
}

/// Now, or at one of the looks that follow, when its tracer has let it go.
void Watch::reap_payload() {
    if (observed_.ended || observed_.ended_ns == 0) return;
    try {
        observed_.ended = kernel::try_wait_for(payload_pidfd_.get());
    } catch (const SystemError&) {
        // Taken from us.
        observed_.ended = kernel::Ended{.by_signal = true, .code = SIGKILL};
    }
    if (!observed_.ended) return;
    children_.remove(observed_.launched->payload_pid);
    offer_result();
    settle();
}

void Watch::take_init_end() {
    if (is_init_reaped_) return;
    loop_.forget(init_pidfd_.get());
    is_init_reaped_ = true;
    observed_.init_usage = wait_for_child(init_pidfd_.get()).usage;
    children_.remove(init_pid_);
    settle();
}

/// Nothing more is born: what there is, is on its way out.
void Watch::await_ends() {
    guarded([this] { take_tmp(); });
    pipes_.lifeline.reset();
    kill_init();
    if (init_pidfd_) {
        loop_.watch(init_pidfd_.get(), EPOLLIN, [this] { guarded([this] { take_init_end(); }); });
    }
    settle();
}

void Watch::take_tmp() {
    if (!duties_.keeps_artifacts || !pipes_.lifeline || observed_.tmp) return;
    take_gifts(sandbox::InitGift::kTmp);
}

/// What init has given, up to `last`. Either init was ready, or everybody who held the other end is
/// gone or dying: there is a message, or the end.
void Watch::take_gifts(sandbox::InitGift last) {
    while (true) {
        Message message = receive_message(pipes_.lifeline.get(), 16, 2);
        if (message.fds.empty()) return;
        const auto gift = static_cast<sandbox::InitGift>(message.bytes.at(0));
        if (gift == sandbox::InitGift::kTmp) observed_.tmp = std::move(message.fds.at(0));
        if (gift == sandbox::InitGift::kTerminal) {
            terminal_ends_ = {std::move(message.fds.at(0)), std::move(message.fds.at(1))};
        }
        if (gift == last) return;
    }
}

/// Its streams are at their ends: whoever else is in there could only watch itself be killed.
void Watch::offer_result() {
    if (!hooks_.on_result || !out_ || is_launching_ || duties_.keeps_artifacts) return;
    while (pipes_.report_end && take_report()) {
    }
    if (pipes_.report_end || !out_->comes_to_end() || !err_->comes_to_end()) return;
    if (observed_.failure || observed_.problem) return;
    has_told_result_ = true;
    observed_.gone_ns = monotonic_ns();
    in_.reset();
    hooks_.on_result();
}

void Watch::settle() {
    if (is_finishing_ || is_launching_ || (payload_pidfd_ && !observed_.ended) ||
        (init_pidfd_ && !is_init_reaped_)) {
        return;
    }
    is_finishing_ = true;
    if (!has_told_result_) observed_.gone_ns = monotonic_ns();
    alarm_.unset();
    while (pipes_.report_end && take_report()) {
    }
    if (!out_) return finish();
    out_->finish([this] {
        if (!err_) return finish();
        err_->finish([this] { finish(); });
    });
    if (is_output_dropped_) drop_output();
}

void Watch::drop_output() {
    if (!out_) return;
    out_->drop();
    if (err_) err_->drop();
}

void Watch::finish() {
    is_gone_ = true;
    terminal_.reset();
    alarm_.unset();
    hooks_.on_gone();
}

Observed Watch::take() {
    claims_.finish();
    limits_ = nullptr;
    observed_.claims = claims_.claims();
    if (memory_) observed_.sampled_memory_peak = memory_->peak_bytes();
    if (out_) observed_.out = out_->capture().output();
    if (err_) observed_.err = err_->capture().output();
    return std::move(observed_);
}

}  // namespace vitrine::runtime
