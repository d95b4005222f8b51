// Watching one sandbox: its birth, its job's streams and time, its end. Many on one loop.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/fd.h"
#include "kernel/process.h"
#include "limits/memory_watch.h"
#include "runtime/children.h"
#include "runtime/claims_reader.h"
#include "runtime/event_loop.h"
#include "runtime/job_streams.h"
#include "runtime/job_terminal.h"
#include "runtime/output.h"
#include "runtime/spawn.h"
#include "runtime/verdict.h"
#include "sandbox/init.h"
#include "sandbox/report.h"

namespace vitrine::runtime {

/// Where a run's streams come from and go to. All borrowed; -1 is "nowhere".
struct Streams {
    int stdin_fd = -1;   ///< Pumped into the job.
    int stdout_fd = -1;  ///< Gets the job's stdout as it comes.
    int stderr_fd = -1;
    int status_fd = -1;    ///< Gets `{"child-pid": N}` once the program may start.
    int terminal_fd = -1;  ///< The caller's terminal, where the job has one of its own.
};

/// What the supervisor does for a run beside watching it.
struct Duties {
    bool keeps_artifacts = false;  ///< The sandbox sends its /tmp; see SandboxSpec.
    bool has_terminal = false;     ///< It sends a terminal's master, which is the job's streams.
    /// CPU time of the whole job so far; without one the program's own process is looked at.
    std::function<std::int64_t()> cpu_ns;
    /// The kernel has killed for the job's memory limit. Without one the supervisor watches the
    /// job's memory itself.
    std::function<bool()> is_out_of_memory;
    /// Memory that the payload had from a warm heap, and that is not the job's.
    std::uint64_t warm_bytes = 0;
    /// A program that is held at its gate: it stands there, and waits for release(). Its time does
    /// not run meanwhile.
    std::function<void(pid_t)> on_held;
    /// The sandbox is being ended: whoever traces it must let go of what is dead.
    std::function<void()> on_end;
};

/// Everything seen of a run that got as far as a payload or a failure.
struct Observed {
    Claims claims;
    std::optional<sandbox::Failure> failure;  ///< Of the zygote or of init.
    std::optional<std::string> problem;       ///< Ours, in watching.
    std::optional<sandbox::Launched> launched;
    std::optional<kernel::Ended> ended;  ///< The payload's end.
    rusage init_usage{};                 ///< Of init and of the orphans it reaped.
    KillCause cause = KillCause::kNone;
    std::uint64_t sampled_memory_peak = 0;  ///< Bytes; 0 where nobody looked.
    int interrupt_signal = 0;
    Output out;
    Output err;
    UniqueFd tmp;                 ///< The sandbox's /tmp, where artifacts are kept.
    std::int64_t started_ns = 0;  ///< The job is confined, and its clock starts.
    std::int64_t held_ns = 0;     ///< How long it was held at its gate; no time of the job's.
    std::int64_t ended_ns = 0;
    std::int64_t gone_ns = 0;  ///< Nothing is left of the sandbox, or that could speak for it.
};

/// One sandbox. Whoever launches it says what was born; the rest is seen here. Borrows the loop
/// and the register of children.
class Watch {
  public:
    struct Hooks {
        /// The payload installs a filter with a listener; the numbers are its pidfd's, which lives
        /// as long as the watch, and the listener's in its table.
        std::function<void(int payload_pidfd, int listener_fd)> on_listening;
        /// The payload is confined, and known as a child of ours; only its program is missing. It
        /// has no terminal yet.
        std::function<void()> on_confined;
        /// The sandbox is being ended: the launch must come to its end, and say so.
        std::function<void()> on_ending;
        /// The job is over, and nobody is left who could add to what it said: its process is
        /// reaped, and every end of its streams is closed. Init is being killed, and with it
        /// whatever hides without one. Where this is not known before on_gone, it is not said. May
        /// be empty.
        std::function<void()> on_result;
        /// No process of the sandbox exists any more, and its output was handed on. The watch may
        /// be destroyed, though not from within.
        std::function<void()> on_gone;
    };

    Watch(EventLoop& loop, Children& children, SandboxPipes pipes, Hooks hooks);
    ~Watch();
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

    // ── what the launch tells ──

    void init_born(UniqueFd pidfd, pid_t pid);
    void payload_born(UniqueFd pidfd, const sandbox::Launched& launched);
    /// Nothing will be born any more. Must be said once, after on_ending at the latest.
    void launch_ended();
    /// No program will run: the sandbox is ended.
    void fail(sandbox::Failure failure);

    // ── the job ──

    /// Whose sandbox it is. The job's clock starts when its payload is confined, at once where it
    /// is. `limits` is borrowed.
    /// A warm sandbox's clock starts with this, not with its confinement.
    void begin(const Limits& limits, const Streams& streams, const Duties& duties);
    bool is_confined() const { return claims_.claims().confined.has_value(); }
    const UniqueFd& init_pidfd() const noexcept { return init_pidfd_; }

    /// What was held has been let go.
    void release();

    /// Ends the sandbox. Again does nothing.
    void end();
    /// Hands a signal of the caller's on to the job's own process. False when no command runs yet,
    /// or none any more.
    bool forward(int signal);
    /// Ends the job for a signal of the caller's.
    void interrupt(int signal);
    /// Null while the job has no terminal, or the caller has its own back.
    const JobTerminal* terminal() const { return terminal_ ? &*terminal_ : nullptr; }
    const Claims& claims() const { return claims_.claims(); }

    bool is_ending() const noexcept { return is_ending_; }
    bool is_gone() const noexcept { return is_gone_; }
    /// Once there is a result, or it is gone. From then on nothing borrowed for the job is used.
    Observed take();

  private:
    void guarded(const std::function<void()>& action);
    void read_report();
    bool take_report();
    void tell_listening();
    void tell_confined();
    void tell_held();
    void count_hold();
    void start_clocks();
    void set_alarm();
    void check_clocks();
    void check_cpu_time(std::int64_t now);
    void check_memory(std::int64_t now);
    void check_output(const OutputStream& stream);
    void kill(KillCause cause);
    void kill_init();
    void take_payload_end();
    void reap_payload();
    void take_init_end();
    void look_for_ends();
    void await_ends();
    void take_tmp();
    void take_gifts(sandbox::InitGift last);
    void connect_pipes();
    void connect_terminal();
    void offer_result();
    void settle();
    void drop_output();
    void finish();

    EventLoop& loop_;
    Children& children_;
    SandboxPipes pipes_;
    Hooks hooks_;
    const Limits* limits_ = nullptr;  ///< Of the job, once there is one.
    Streams streams_;
    Duties duties_;
    std::unique_ptr<OutputStream> out_;
    std::unique_ptr<OutputStream> err_;
    std::unique_ptr<InputStream> in_;
    sandbox::Terminal terminal_ends_;
    std::optional<JobTerminal> terminal_;
    std::optional<limits::MemoryWatch> memory_;
    ClaimsReader claims_;
    UniqueFd init_pidfd_;
    pid_t init_pid_ = 0;
    UniqueFd payload_pidfd_;
    bool is_init_reaped_ = false;
    bool is_launching_ = true;
    bool has_told_listening_ = false;
    bool has_told_confined_ = false;
    std::int64_t held_since_ns_ = 0;  ///< 0: it is not, and was not.
    bool is_held_ = false;
    bool has_told_result_ = false;
    bool is_ending_ = false;
    bool is_finishing_ = false;
    bool is_output_dropped_ = false;
    bool is_gone_ = false;
    std::int64_t deadline_ns_;
    std::int64_t next_cpu_check_ns_;
    std::int64_t next_memory_check_ns_;
    Alarm alarm_;
    Observed observed_;
};

}  // namespace vitrine::runtime
