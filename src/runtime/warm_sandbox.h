// One prepared sandbox: born in a nest, parked until a job comes, used once.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "limits/cgroup.h"
#include "runtime/call_listener.h"
#include "runtime/denials.h"
#include "runtime/holder.h"
#include "runtime/job_run.h"
#include "runtime/nest.h"
#include "runtime/watch.h"

namespace vitrine::runtime {

/// What is the same for every sandbox of a pool.
struct WarmMould {
    std::shared_ptr<Nest> nest;
    UniqueFd payload_spec;  ///< Sealed memfd.
    Job job;                ///< Its limits hold for all of them.
    bool forbids_executable_memfds = false;
    bool keeps_artifacts = false;
    bool shares_networks = true;  ///< One after the other.
    /// What the filter decides, where its decisions are told of.
    std::optional<seccomp::Program> listened_filter;
};

class WarmSandbox;

/// Whose sandbox it is at the time. None of these may destroy it at once.
class WarmOwner {
  public:
    virtual ~WarmOwner() = default;
    /// A job waits already for the sandbox that is being made.
    virtual bool is_awaited() const { return false; }
    /// It is confined; only its program is missing.
    virtual void parked(WarmSandbox& sandbox) = 0;
    /// Its job has a result, though its init may still be dying.
    virtual void over(WarmSandbox& sandbox) = 0;
    /// Nothing of it is left. There was a result before, or there is one now.
    virtual void gone(WarmSandbox& sandbox) = 0;
};

class WarmSandbox final : public Unborn {
  public:
    /// Makes its cgroup and its pipes. Borrows everything. Throws Error.
    WarmSandbox(const RunContext& context, std::shared_ptr<const WarmMould> mould,
                WarmOwner& owner);
    ~WarmSandbox() override;
    WarmSandbox(const WarmSandbox&) = delete;
    WarmSandbox& operator=(const WarmSandbox&) = delete;

    /// Asks the nest, which is to be ready, for its processes.
    void prepare();
    void set_owner(WarmOwner& owner) { owner_ = &owner; }

    /// Gives it its program, once: an encoded sandbox::WarmProgram. `limits`, the streams and the
    /// holder, null where the program is not held, are borrowed.
    void begin(std::string program, const Limits& limits, const Streams& streams, Holder* holder);
    /// Lets a held program go.
    void open_gate();
    Watch& watch() { return watch_; }
    const Denials& denials() const { return denials_; }
    bool has_lost_its_nest() const { return nest_->is_dead(); }
    const limits::CgroupLeaf* leaf() const { return leaf_ ? &*leaf_ : nullptr; }
    void release_leaf() { leaf_.reset(); }

    void init_born(UniqueFd pidfd, pid_t pid, UniqueFd network) override;
    void payload_born(UniqueFd pidfd, const sandbox::Launched& launched) override;
    void birth_failed(const sandbox::Failure& failure) override;

  private:
    WarmSandbox(const RunContext& context, std::shared_ptr<const WarmMould> mould, WarmOwner& owner,
                JobPipes pipes);
    void place(pid_t pid);
    void ask_for_payload();
    void listen();
    void tell_parked();
    void feed();

    RunContext context_;
    std::shared_ptr<const WarmMould> mould_;
    std::shared_ptr<Nest> nest_;
    WarmOwner* owner_;
    std::optional<limits::CgroupLeaf> leaf_;
    UniqueFd network_;  ///< To be handed on when it is gone.
    int lifeline_fd_;   ///< Ours; the watch owns it.
    JobPipes theirs_;   ///< The sandbox's ends, until they have been sent.
    Pipe init_ready_;
    Pipe program_;
    std::string program_rest_;
    bool is_held_ = false;
    bool is_answer_due_ = false;
    Watch watch_;
    Denials denials_;
    std::optional<CallListener> listener_;
};

}  // namespace vitrine::runtime
