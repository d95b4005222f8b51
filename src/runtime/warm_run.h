// One job in a prepared sandbox, forked from a warm heap.
#pragma once

#include <functional>
#include <memory>

#include "runtime/holder.h"
#include "runtime/job_run.h"
#include "runtime/reporting.h"
#include "runtime/warm_house.h"

namespace vitrine::runtime {

class WarmRun final : public JobRun, public WarmOwner, public WarmClient {
  public:
    /// Borrows everything but `on_done`, which is called once, from the loop or from start().
    WarmRun(const RunContext& context, WarmHouse& house, const Job& job, const RunOptions& options,
            std::function<void()> on_done);
    ~WarmRun() override;
    WarmRun(const WarmRun&) = delete;
    WarmRun& operator=(const WarmRun&) = delete;

    void start() override;
    void interrupt(int signal) override;
    RunReport report() override;

    void take_sandbox(std::unique_ptr<WarmSandbox> sandbox) override;
    void no_sandbox(const sandbox::Failure& failure) override;
    void parked(WarmSandbox& sandbox) override;
    void over(WarmSandbox& sandbox) override;
    void gone(WarmSandbox& sandbox) override;

  private:
    void take_result();
    void finish();

    RunContext context_;
    WarmHouse& house_;
    const Job& job_;
    std::function<void()> on_done_;
    Reporting reporting_;
    StdinSource stdin_;
    std::shared_ptr<WarmPool> pool_;  ///< It may have been retired since.
    std::string program_;
    std::unique_ptr<Holder> holder_;  ///< Null for a program that is not held.
    std::unique_ptr<WarmSandbox> sandbox_;
    bool is_over_ = false;
};

}  // namespace vitrine::runtime
