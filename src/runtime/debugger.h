// `--wait-for-debugger`: a program held at its gate until somebody has attached to it.
#pragma once

#include "runtime/event_loop.h"
#include "runtime/hold_options.h"
#include "runtime/holder.h"
#include "runtime/tracee.h"

namespace vitrine::runtime {

/// Lets the program go once a tracer has stopped it and then let it run or left it, or once
/// let_go() is called, or a line has come. Waits for as long as it takes.
class DebuggerWait final : public Holder {
  public:
    DebuggerWait(const RunContext& context, DebuggerOptions options, HolderHooks hooks);
    ~DebuggerWait() override { stop(); }
    DebuggerWait(const DebuggerWait&) = delete;
    DebuggerWait& operator=(const DebuggerWait&) = delete;

    void hold(pid_t payload) override;
    void end() override { stop(); }
    bool is_done() const override { return true; }
    void let_go() override;

  private:
    void look();
    void tell();
    void take_line();
    void stop();

    EventLoop& loop_;
    DebuggerOptions options_;
    HolderHooks hooks_;
    pid_t payload_ = 0;
    Tracee tracee_{0};
    bool is_waiting_ = false;
    bool was_told_ = false;
    bool was_traced_ = false;
    int quiet_looks_ = 0;
    Alarm alarm_;
};

}  // namespace vitrine::runtime
