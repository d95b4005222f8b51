#include "runtime/children.h"

#include "kernel/process.h"
#include "sandbox/report.h"

namespace vitrine::runtime {

namespace {

constexpr std::int64_t kLookAgainNs = 20'000'000;

}  // namespace

Children::Children(EventLoop& loop) : again_(loop, [this] { reap_strangers(); }) {}

void Children::reap_strangers() {
    const bool is_done = kernel::reap_strangers([this](pid_t pid) { return known_.contains(pid); });
    if (is_done) return again_.unset();
    again_.set(sandbox::monotonic_ns() + kLookAgainNs);
}

}  // namespace vitrine::runtime
