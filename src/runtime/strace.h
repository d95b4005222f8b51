// Debian's strace, attached to one job from outside: strace(1).
//
// It runs on the host as the caller: nothing of it is in the sandbox, and the job's filter,
// capabilities and limits stay as they are.
#pragma once

#include <string>
#include <vector>

#include "base/fd.h"
#include "kernel/process.h"
#include "runtime/event_loop.h"
#include "runtime/hold_options.h"
#include "runtime/holder.h"
#include "runtime/tracee.h"

namespace vitrine::runtime {

/// Throws where strace cannot trace on this host (CauseError), or does not take these options
/// (UsageError). Waits for strace to say so. Nothing is traced.
void check_strace(const std::vector<std::string>& words);

class Strace final : public Holder {
  public:
    Strace(const RunContext& context, StraceOptions options, HolderHooks hooks);
    /// Kills it, if it still runs.
    ~Strace() override;
    Strace(const Strace&) = delete;
    Strace& operator=(const Strace&) = delete;

    void hold(pid_t payload) override;
    void end() override;
    bool is_done() const override { return stage_ == Stage::kIdle || stage_ == Stage::kDone; }
    std::vector<std::string> warnings() override { return std::move(warnings_); }

  private:
    enum class Stage { kIdle, kSettling, kAttaching, kTracing, kDone };

    void look();
    void start();
    std::vector<std::string> command(bool has_file) const;
    void take_words();
    void take_end();
    void judge_end(Stage before, const kernel::Ended& ended);
    void run_out_of_patience();
    void fail(std::string message, std::string hint);
    void kill();

    RunContext context_;
    StraceOptions options_;
    HolderHooks hooks_;
    Stage stage_ = Stage::kIdle;
    bool is_ending_ = false;
    bool was_killed_ = false;  ///< By us.
    pid_t payload_ = 0;
    Tracee tracee_{0};
    kernel::Cloned process_;
    UniqueFd words_end_;  ///< What strace itself says, where the trace has a file.
    std::string last_words_;
    std::vector<std::string> warnings_;
    std::int64_t deadline_ns_ = 0;
    Alarm alarm_;
};

}  // namespace vitrine::runtime
