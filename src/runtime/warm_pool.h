// Prepared sandboxes of one kind, as many as are wanted; and the pools of an engine.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "python/warm.h"
#include "runtime/job_run.h"
#include "runtime/nest.h"
#include "runtime/warm_sandbox.h"

namespace vitrine::runtime {

using Sandboxes = std::deque<std::unique_ptr<WarmSandbox>>;

/// Null where it is not among them.
std::unique_ptr<WarmSandbox> take_out(Sandboxes& from, const WarmSandbox& sandbox);

/// Who waits for a sandbox. Answered once, perhaps at once.
class WarmClient {
  public:
    virtual ~WarmClient() = default;
    virtual void take_sandbox(std::unique_ptr<WarmSandbox> sandbox) = 0;
    virtual void no_sandbox(const sandbox::Failure& failure) = 0;
};

/// What pools share. Borrowed by each.
struct WarmShared {
    RunContext context;
    std::string profiles;
    python::Preload preload;  ///< But for its policy: a nest's is its jobs'.
    std::size_t max_depth = 1;
    bool shares_networks = true;  ///< A clean network namespace goes to the next sandbox.
    /// Sandboxes that are gone wait here for whoever is neither of them to destroy them.
    std::vector<std::unique_ptr<WarmSandbox>> graveyard;
};

class WarmPool final : public WarmOwner {
  public:
    /// Plans what all its sandboxes are made from, after `job`. Throws PlanError.
    WarmPool(WarmShared& shared, const Job& job, std::function<std::shared_ptr<Nest>()> get_nest);
    WarmPool(const WarmPool&) = delete;
    WarmPool& operator=(const WarmPool&) = delete;

    const seccomp::Filter& filter() const noexcept { return filter_; }
    /// What explains the denials of its jobs. Throws PlanError.
    seccomp::DenialStudy& denial_study();

    void request(WarmClient& client);
    /// It needs none any more. Its sandbox, if it has one, is its own.
    void withdraw(WarmClient& client);

    void nest_ready() { refill(); }
    void nest_dead(const sandbox::Failure& failure);
    /// Ends what is parked or being prepared.
    void close();
    /// Nobody waits for a sandbox of it.
    bool is_idle() const noexcept { return waiting_.empty(); }
    bool is_empty() const { return parked_.empty() && preparing_.empty() && ending_.empty(); }

    /// Also where the last one was: then time is short, not latency.
    bool is_awaited() const override { return !waiting_.empty() || is_short_; }
    void parked(WarmSandbox& sandbox) override;
    void over(WarmSandbox& /*sandbox*/) override {}  // It never had a job.
    void gone(WarmSandbox& sandbox) override;

  private:
    void refill();
    bool prepare_one();
    void give(std::unique_ptr<WarmSandbox> sandbox);
    void fail_all(const sandbox::Failure& failure);
    void note_failure(const sandbox::Failure& failure);
    void grow();
    void shrink();
    std::size_t wanted() const;

    WarmShared& shared_;
    std::function<std::shared_ptr<Nest>()> get_nest_;
    seccomp::Filter filter_;
    sandbox::PayloadSpec payload_;
    bool is_memory_counted_ = false;  ///< By RLIMIT_DATA, the warm heap included.
    std::shared_ptr<WarmMould> mould_ = std::make_shared<WarmMould>();
    std::optional<seccomp::DenialStudy> denial_study_;
    Sandboxes preparing_;
    Sandboxes parked_;
    Sandboxes ending_;
    std::deque<WarmClient*> waiting_;
    std::size_t depth_ = 0;  ///< Parked ones to have beside those that are waited for.
    int failures_ = 0;       ///< Since the last success.
    bool is_short_ = false;  ///< Nothing was parked when the last job came.
    bool is_closed_ = false;
    Alarm idle_;
};

}  // namespace vitrine::runtime
