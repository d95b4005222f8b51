#include "runtime/warm_house.h"

#include <algorithm>
#include <optional>

#include "base/cores.h"
#include "base/wire.h"
#include "python/warm.h"

namespace vitrine::runtime {

namespace {

/// Parked sandboxes of one kind: each is a process with its memory.
constexpr std::size_t kMostParked = 32;

/// Interpreters kept warm: each is a process with its memory.
constexpr std::size_t kMostNests = 8;
/// Zygotes of one nest.
constexpr unsigned kMostZygotes = 8;
/// Kinds of sandboxes known at a time. Their limits can differ from job to job.
constexpr std::size_t kMostPools = 64;

/// One keeps one core busy; nobody waits for more payloads at a time than there are workers.
unsigned zygotes_for(unsigned workers) {
    return std::clamp(std::min(usable_cores(), workers), 1U, kMostZygotes);
}

/// What a nest's sandboxes have in common, as a name.
void put_nest_key(WireWriter& key, const Job& job) {
    key.put(job.rootfs);
    key.put(job.policy);
    key.put(job.uid);
    key.put(job.gid);
    key.put(job.hostname);
    key.put(job.limits.tmpfs_bytes);
    key.put(job.limits.tmpfs_inodes);
    key.put(job.artifacts.empty());
    for (const Bind& bind : job.binds) {
        key.put(bind.source);
        key.put(bind.destination);
        key.put(bind.is_writable);
    }
    key.put_all(job.required);
}

std::string nest_key(const Job& job) {
    WireWriter key;
    put_nest_key(key, job);
    return key.text();
}

/// Everything that is fixed when a sandbox is prepared, as a name.
std::string pool_key(const Job& job) {
    WireWriter key;
    put_nest_key(key, job);
    key.put(job.seccomp_profile);
    key.put(job.compat_arch);
    key.put(job.explains_denied);
    key.put(job.workdir);
    key.put(job.limits.memory_bytes);
    key.put(job.limits.swap_bytes);
    key.put(job.limits.cpus);
    key.put(job.limits.pids);
    key.put(job.limits.cpu_time.value_or(std::chrono::nanoseconds(-1)).count());
    for (const Ulimit& limit : job.limits.ulimits) {
        key.put(limit.resource);
        key.put(limit.soft);
        key.put(limit.hard);
    }
    for (const DeviceLimit& limit : job.limits.devices) {
        key.put(limit.major);
        key.put(limit.minor);
        key.put(limit.kind);
        key.put(limit.per_second);
    }
    return key.text();
}

/// The name of what was asked for least lately, of all that nobody waits for.
std::optional<std::string> least_recent(const auto& places, const auto& is_idle) {
    std::optional<std::string> oldest;
    std::uint64_t request = 0;
    for (const auto& [name, place] : places) {
        if (!is_idle(place) || (oldest && place.last_request >= request)) continue;
        oldest = name;
        request = place.last_request;
    }
    return oldest;
}

}  // namespace

/// Where one nest is, and its successor after it died.
struct WarmHouse::NestPlace {
    Job job;              ///< The first that needed it.
    std::string preload;  ///< In the guest's encoding, with the policy as it was then.
    std::shared_ptr<Nest> nest;
    std::vector<WarmPool*> pools;
    std::uint64_t last_request = 0;
};

struct WarmHouse::PoolPlace {
    std::shared_ptr<WarmPool> pool;
    NestPlace* nest = nullptr;
    std::uint64_t last_request = 0;
};

WarmHouse::WarmHouse(const RunContext& context, const EngineOptions& options)
    : loop_(context.loop),
      shared_{.context = context,
              .profiles = options.profiles,
              .preload = {.modules = options.preload.modules, .script = options.preload.script},
              .max_depth = std::min<std::size_t>(options.workers, kMostParked),
              .shares_networks = !options.has_fresh_networks,
              .graveyard = {}},
      identity_(host_identity()),
      zygotes_of_a_nest_(zygotes_for(options.workers)) {}

WarmHouse::~WarmHouse() {
    while (!pools_.empty())
        retire_pool(std::string(pools_.begin()->first));
    for (clean_up(); !retired_.empty() || !dying_.empty(); clean_up())
        loop_.turn(std::chrono::milliseconds(100));
}

WarmHouse::NestPlace& WarmHouse::place_for(const Job& job) {
    std::string key = nest_key(job);
    const auto found = nests_.find(key);
    if (found != nests_.end()) return found->second;
    make_room_for_nest();
    NestPlace& place = nests_[std::move(key)];
    place.job = job;
    place.job.source = {};
    return place;
}

std::shared_ptr<WarmPool> WarmHouse::pool_for(const Job& job) {
    std::string key = pool_key(job);
    ++requests_;
    if (const auto found = pools_.find(key); found != pools_.end()) {
        PoolPlace& there = found->second;
        there.last_request = there.nest->last_request = requests_;
        return there.pool;
    }
    make_room_for_pool();
    NestPlace& place = place_for(job);
    place.last_request = requests_;
    // What cannot be had is said now, to this job.
    if (!place.nest) (void)get_nest(place);
    auto pool =
        std::make_shared<WarmPool>(shared_, job, [this, &place] { return get_nest(place); });
    pools_.emplace(std::move(key),
                   PoolPlace{.pool = pool, .nest = &place, .last_request = requests_});
    place.pools.push_back(pool.get());
    return pool;
}

// ── what has not been asked for lately makes room ──

void WarmHouse::retire_pool(const std::string& key) {
    PoolPlace& place = pools_.at(key);
    std::erase(place.nest->pools, place.pool.get());
    place.pool->close();
    retired_.push_back(std::move(place.pool));
    pools_.erase(key);
}

void WarmHouse::retire_nest(const std::string& key) {
    const NestPlace& place = nests_.at(key);
    std::vector<std::string> pools;
    for (const auto& [name, pool] : pools_) {
        if (pool.nest == &place) pools.push_back(name);
    }
    for (const std::string& name : pools)
        retire_pool(name);
    // A sandbox that is still there keeps it alive, but it is nobody's concern.
    if (place.nest) place.nest->mute();
    nests_.erase(key);
}

void WarmHouse::make_room_for_pool() {
    if (pools_.size() < kMostPools) return;
    const auto oldest =
        least_recent(pools_, [](const PoolPlace& place) { return place.pool->is_idle(); });
    if (oldest) retire_pool(*oldest);
}

void WarmHouse::make_room_for_nest() {
    if (nests_.size() < kMostNests) return;
    const auto oldest = least_recent(nests_, [](const NestPlace& place) {
        return std::ranges::all_of(place.pools, &WarmPool::is_idle);
    });
    if (oldest) retire_nest(*oldest);
}

std::vector<Zygote> WarmHouse::zygotes() const {
    std::vector<Zygote> zygotes;
    for (const auto& [key, place] : nests_) {
        if (!place.nest || place.nest->is_dead()) continue;
        zygotes.push_back({.rootfs = place.job.rootfs,
                           .memory_bytes = place.nest->memory_bytes(),
                           .processes = place.nest->zygotes()});
    }
    return zygotes;
}

/// The nest of the place, made anew where there is none or a dead one. Throws PlanError, StepError.
std::shared_ptr<Nest> WarmHouse::get_nest(NestPlace& place) {
    if (place.nest && !place.nest->is_dead()) return place.nest;
    place.nest = make_nest(place);
    return place.nest;
}

std::shared_ptr<Nest> WarmHouse::make_nest(NestPlace& place) {
    if (place.preload.empty()) {
        python::Preload preload = shared_.preload;
        preload.policy = plan_policy(place.job, shared_.profiles);
        place.preload = encode(preload);
    }
    Nest::Hooks hooks{.on_ready =
                          [&place] {
                              for (WarmPool* pool : place.pools)
                                  pool->nest_ready();
                          },
                      .on_dead =
                          [&place](const sandbox::Failure& failure) {
                              // Whoever still has a sandbox of it keeps it for as long.
                              const std::shared_ptr<Nest> dead = place.nest;
                              for (WarmPool* pool : place.pools)
                                  pool->nest_dead(failure);
                          }};
    const Nest::Brood brood{.zygotes = zygotes_of_a_nest_, .preload = place.preload};
    return std::make_shared<Nest>(loop_, shared_.context.children, identity_,
                                  plan_sandbox(place.job, identity_), brood, std::move(hooks));
}

void WarmHouse::bury(std::unique_ptr<WarmSandbox> sandbox) {
    if (sandbox->watch().is_gone()) return shared_.graveyard.push_back(std::move(sandbox));
    sandbox->set_owner(*this);
    dying_.push_back(std::move(sandbox));
}

void WarmHouse::gone(WarmSandbox& sandbox) {
    if (auto taken = take_out(dying_, sandbox)) shared_.graveyard.push_back(std::move(taken));
}

void WarmHouse::clean_up() {
    shared_.graveyard.clear();
    std::erase_if(retired_, [](const auto& pool) { return pool->is_empty(); });
}

}  // namespace vitrine::runtime
