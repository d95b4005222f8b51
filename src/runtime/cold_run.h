// One job in a fresh interpreter and a fresh sandbox, on an event loop.
#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <optional>

#include "runtime/call_listener.h"
#include "runtime/children.h"
#include "runtime/denials.h"
#include "runtime/event_loop.h"
#include "runtime/holder.h"
#include "runtime/job_limits.h"
#include "runtime/job_run.h"
#include "runtime/reporting.h"
#include "runtime/run.h"
#include "runtime/spawn.h"
#include "runtime/watch.h"

namespace vitrine::runtime {

class ColdRun final : public JobRun {
  public:
    /// Borrows everything but `on_done`, which is called once, from the loop or from start().
    ColdRun(const RunContext& context, const Job& job, const RunOptions& options,
            std::function<void()> on_done);
    ~ColdRun() override;
    ColdRun(const ColdRun&) = delete;
    ColdRun& operator=(const ColdRun&) = delete;

    void start() override;
    void interrupt(int signal) override;
    /// A signal of the caller's: a command is told of it, and ended by the second that asks for
    /// its end; a Python program is ended by the first.
    void take_signal(int signal);
    void let_go() override;
    RunReport report() override;

  private:
    void launch();
    void plan_snapshot(sandbox::SandboxSpec& spec);
    void plan_program(const HostIdentity& identity);
    void listen_to(seccomp::Program filter);
    void take_denials();
    void tell_taken();
    void take_control();
    void take_message(Message& message);
    void take_zygote_end();
    void do_our_part();
    void tell_payload();
    void tell_confined();
    void open_gate();
    void take_result();

    RunContext context_;
    const Job& job_;
    const RunOptions& options_;
    std::function<void()> on_done_;
    Reporting reporting_;
    std::optional<limits::CgroupLeaf> leaf_;
    StdinSource stdin_;
    bool is_privileged_ = false;
    std::optional<Launching> launching_;
    sandbox::PayloadSpec payload_;
    std::exception_ptr plan_problem_;
    std::unique_ptr<Holder> holder_;  ///< Null for a program that is not held.
    Pipe gate_;
    pid_t zygote_pid_ = 0;
    std::optional<Watch> watch_;
    Denials denials_;
    std::optional<CallListener> listener_;
    bool was_asked_to_end_ = false;  ///< The command, by a signal that was handed on.
    bool is_announced_ = false;      ///< The zygote has told its whole story.
    Alarm zygote_patience_;
};

}  // namespace vitrine::runtime
