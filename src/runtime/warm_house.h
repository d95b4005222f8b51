// The nests and pools of a warm engine, each made when the first job needs it.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "runtime/engine.h"
#include "runtime/warm_pool.h"

namespace vitrine::runtime {

class WarmHouse final : private WarmOwner {
  public:
    WarmHouse(const RunContext& context, const EngineOptions& options);
    /// Every job has ended; ends what is parked, then the nests.
    ~WarmHouse() override;
    WarmHouse(const WarmHouse&) = delete;
    WarmHouse& operator=(const WarmHouse&) = delete;

    /// The pool whose sandboxes fit the job. Throws PlanError.
    std::shared_ptr<WarmPool> pool_for(const Job& job);
    std::uint32_t host_uid() const noexcept { return identity_.map.outside_uid; }
    /// A sandbox whose job has a result. It is kept until nothing of it is left.
    void bury(std::unique_ptr<WarmSandbox> sandbox);
    /// How many have a result and are not gone.
    std::size_t dying() const noexcept { return dying_.size(); }
    /// Destroys what is gone. Not to be called from within a sandbox.
    void clean_up();

    /// The warm interpreters there are, one for each kind of sandbox that was asked for lately.
    std::vector<Zygote> zygotes() const;

  private:
    struct NestPlace;
    struct PoolPlace;

    std::shared_ptr<Nest> get_nest(NestPlace& place);
    std::shared_ptr<Nest> make_nest(NestPlace& place);
    NestPlace& place_for(const Job& job);
    void retire_pool(const std::string& key);
    void retire_nest(const std::string& key);
    void make_room_for_pool();
    void make_room_for_nest();
    void parked(WarmSandbox& /*sandbox*/) override {}  // Long ago.
    void over(WarmSandbox& /*sandbox*/) override {}
    void gone(WarmSandbox& sandbox) override;

    EventLoop& loop_;
    WarmShared shared_;
    HostIdentity identity_;
    std::size_t zygotes_of_a_nest_;
    std::map<std::string, NestPlace> nests_;  ///< By reference elsewhere: nodes stay in place.
    std::map<std::string, PoolPlace> pools_;
    std::vector<std::shared_ptr<WarmPool>> retired_;
    std::uint64_t requests_ = 0;  ///< What "lately" is measured by.
    Sandboxes dying_;
};

}  // namespace vitrine::runtime
