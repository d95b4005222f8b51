#include "runtime/warm_pool.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

#include "base/error.h"
#include "sandbox/report.h"

namespace vitrine::runtime {

namespace {

using sandbox::monotonic_ns;

/// A pool nobody asks halves after so long, and again, until nothing is parked.
constexpr std::int64_t kIdleNs = 5'000'000'000;
/// What fails as often in a row will not succeed.
constexpr int kMaxFailures = 3;

/// Preparing more at a time than there are CPUs makes each one slower.
std::size_t most_at_once() {
    return 2 * static_cast<std::size_t>(std::max(1L, ::sysconf(_SC_NPROCESSORS_ONLN)));
}

bool has_own_data_limit(const Job& job) {
    return std::ranges::any_of(job.limits.ulimits,
                               [](const Ulimit& limit) { return limit.resource == RLIMIT_DATA; });
}

}  // namespace

std::unique_ptr<WarmSandbox> take_out(Sandboxes& from, const WarmSandbox& sandbox) {
    const auto found = std::ranges::find(from, &sandbox, &std::unique_ptr<WarmSandbox>::get);
    if (found == from.end()) return nullptr;
    std::unique_ptr<WarmSandbox> taken = std::move(*found);
    from.erase(found);
    return taken;
}

WarmPool::WarmPool(WarmShared& shared, const Job& job,
                   std::function<std::shared_ptr<Nest>()> get_nest)
    : shared_(shared),
      get_nest_(std::move(get_nest)),
      idle_(shared.context.loop, [this] { shrink(); }) {
    const bool has_cgroup = shared.context.limits.has_cgroup();
    PayloadPlan plan = plan_confinement(job, shared.profiles, has_cgroup);
    filter_ = std::move(plan.filter);
    payload_ = std::move(plan.spec);
    is_memory_counted_ = !has_cgroup && !has_own_data_limit(job);
    mould_->job = job;
    mould_->job.source = {};
    mould_->forbids_executable_memfds = host_identity().is_privileged;
    mould_->keeps_artifacts = !job.artifacts.empty();
    mould_->shares_networks = shared.shares_networks;
    if (payload_.is_listened_to) mould_->listened_filter = filter_.programs.front();
}

seccomp::DenialStudy& WarmPool::denial_study() {
    if (!denial_study_) denial_study_ = plan_denial_study(mould_->job, shared_.profiles);
    return *denial_study_;
}

// ── demand ──

void WarmPool::request(WarmClient& client) {
    idle_.set(monotonic_ns() + kIdleNs);
    is_short_ = parked_.empty();
    if (is_short_) {
        grow();
        waiting_.push_back(&client);
    } else {
        std::unique_ptr<WarmSandbox> sandbox = std::move(parked_.front());
        parked_.pop_front();
        client.take_sandbox(std::move(sandbox));
    }
    refill();
}

void WarmPool::withdraw(WarmClient& client) {
    std::erase(waiting_, &client);
}

/// Somebody had to wait: the next time there is one more.
void WarmPool::grow() {
    depth_ = std::min(depth_ + 1, shared_.max_depth);
}

void WarmPool::shrink() {
    depth_ /= 2;
    while (parked_.size() > depth_) {
        WarmSandbox& sandbox = *parked_.back();
        ending_.push_back(std::move(parked_.back()));
        parked_.pop_back();
        sandbox.watch().end();
    }
    if (depth_ > 0) idle_.set(monotonic_ns() + kIdleNs);
}

std::size_t WarmPool::wanted() const {
    return std::max(waiting_.size(), depth_);
}

// ── supply ──

void WarmPool::refill() {
    if (is_closed_) return;
    while (parked_.size() + preparing_.size() < wanted() && preparing_.size() < most_at_once()) {
        if (!prepare_one()) return;
    }
}

/// False when nothing can be prepared now: the nest is not there yet, or cannot be.
bool WarmPool::prepare_one() {
    try {
        std::shared_ptr<Nest> nest = get_nest_();
        if (!nest->is_ready()) return false;
        if (mould_->nest != nest) {
            sandbox::PayloadSpec spec = payload_;
            for (Ulimit& limit : spec.rlimits) {
                if (limit.resource != RLIMIT_DATA || !is_memory_counted_) continue;
                limit.soft += nest->data_bytes();
                limit.hard += nest->data_bytes();
            }
            mould_->payload_spec = make_sealed_memfd("payload", encode(spec));
            mould_->nest = std::move(nest);
        }
        preparing_.push_back(std::make_unique<WarmSandbox>(shared_.context, mould_, *this));
        preparing_.back()->prepare();
        return true;
    } catch (const sandbox::StepError& error) {
        note_failure(error.failure());
    } catch (const std::exception& error) {
        note_failure({.step = sandbox::Step::kStartZygote, .message = error.what()});
    }
    return false;
}

void WarmPool::parked(WarmSandbox& sandbox) {
    failures_ = 0;
    std::unique_ptr<WarmSandbox> taken = take_out(preparing_, sandbox);
    if (!taken) return;
    give(std::move(taken));
    refill();
}

void WarmPool::give(std::unique_ptr<WarmSandbox> sandbox) {
    if (waiting_.empty()) {
        parked_.push_back(std::move(sandbox));
        return;
    }
    WarmClient* client = waiting_.front();
    waiting_.pop_front();
    client->take_sandbox(std::move(sandbox));
}

void WarmPool::gone(WarmSandbox& sandbox) {
    std::unique_ptr<WarmSandbox> taken = take_out(preparing_, sandbox);
    if (taken) {
        const Observed observed = taken->watch().take();
        const bool has_lost_its_nest = taken->has_lost_its_nest();
        shared_.graveyard.push_back(std::move(taken));
        // A nest dies once, however many it was preparing.
        if (has_lost_its_nest) return refill();
        const auto& failure = observed.failure ? observed.failure : observed.claims.failure;
        return note_failure(failure.value_or(
            sandbox::Failure{.step = sandbox::Step::kForkPayload,
                             .message = "the payload died while entering the sandbox",
                             .hint = "is the memory limit large enough to start Python?"}));
    }
    for (Sandboxes* place : {&parked_, &ending_}) {
        taken = take_out(*place, sandbox);
        if (taken) shared_.graveyard.push_back(std::move(taken));
    }
    refill();
}

// ── failure ──

void WarmPool::nest_dead(const sandbox::Failure& failure) {
    // What is parked does not need it any more.
    note_failure(failure);
}

void WarmPool::note_failure(const sandbox::Failure& failure) {
    if (is_closed_) return;
    if (++failures_ >= kMaxFailures) {
        failures_ = 0;
        depth_ = 0;
        return fail_all(failure);
    }
    refill();
}

void WarmPool::fail_all(const sandbox::Failure& failure) {
    std::deque<WarmClient*> waiting;
    waiting.swap(waiting_);
    for (WarmClient* client : waiting)
        client->no_sandbox(failure);
}

void WarmPool::close() {
    is_closed_ = true;
    idle_.unset();
    while (!parked_.empty()) {
        ending_.push_back(std::move(parked_.front()));
        parked_.pop_front();
        ending_.back()->watch().end();
    }
    for (const auto& sandbox : preparing_)
        sandbox->watch().end();
}

}  // namespace vitrine::runtime
