#include "runtime/event_loop.h"

#include <algorithm>
#include <array>

#include "base/clock.h"
#include "base/error.h"

namespace vitrine::runtime {

namespace {

using std::chrono::nanoseconds;

constexpr int kEventsPerTurn = 256;
constexpr std::int64_t kNanoseconds = 1'000'000'000;

std::int64_t now_ns() {
    return std::chrono::duration_cast<nanoseconds>(Clock::now().time_since_epoch()).count();
}

std::uint64_t tag_of(int fd, std::uint32_t generation) {
    return (std::uint64_t{generation} << 32U) | static_cast<std::uint32_t>(fd);
}

}  // namespace

EventLoop::EventLoop()
    : epoll_(check(::epoll_create1(EPOLL_CLOEXEC), "making an event loop", "epoll_create1")) {}

void EventLoop::watch(int fd, std::uint32_t events, Handler handler) {
    Watched& watched = watched_[fd];
    if (watched.handler) apply(fd, watched, 0);
    watched = {.handler = std::make_shared<Handler>(std::move(handler)),
               .generation = ++next_generation_};
    apply(fd, watched, events);
}

void EventLoop::change(int fd, std::uint32_t events) {
    const auto found = watched_.find(fd);
    if (found != watched_.end()) apply(fd, found->second, events);
}

void EventLoop::forget(int fd) {
    const auto found = watched_.find(fd);
    if (found == watched_.end()) return;
    apply(fd, found->second, 0);
    watched_.erase(found);
}

/// Suspended means removed: epoll reports a hang-up whether it is asked to or not.
void EventLoop::apply(int fd, Watched& watched, std::uint32_t events) {
    if (watched.events == events) return;
    const std::uint32_t before = std::exchange(watched.events, events);
    if (watched.is_always_ready) {
        if (events == 0) {
            always_ready_.erase(fd);
        } else {
            always_ready_.insert(fd);
        }
        return;
    }
    epoll_event event{.events = events, .data = {.u64 = tag_of(fd, watched.generation)}};
    const int operation = before == 0 ? EPOLL_CTL_ADD : events == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;
    if (::epoll_ctl(epoll_.get(), operation, fd, &event) == 0) return;
    if (errno != EPERM) {
        watched.events = before;  // Its handler is called again: what failed is tried again.
        throw SystemError("watching a descriptor", "epoll_ctl");
    }
    watched.is_always_ready = true;
    always_ready_.insert(fd);
}

void EventLoop::call(int fd, std::uint32_t generation) {
    const auto found = watched_.find(fd);
    if (found == watched_.end() || found->second.generation != generation) return;
    if (found->second.events == 0) return;
    const std::shared_ptr<Handler> kept = found->second.handler;  // It may forget itself.
    (*kept)();
}

void EventLoop::call_always_ready() {
    const std::vector<int> ready(always_ready_.begin(), always_ready_.end());
    for (const int fd : ready) {
        const auto found = watched_.find(fd);
        if (found != watched_.end() && found->second.is_always_ready) {
            call(fd, found->second.generation);
        }
    }
}

/// Each alarm that is due, once: one that sets itself again for a time that is over must not keep
/// the loop from its descriptors.
void EventLoop::ring() {
    const std::int64_t now = now_ns();
    const std::vector<std::pair<std::int64_t, Alarm*>> due(alarms_.begin(),
                                                           alarms_.lower_bound({now + 1, nullptr}));
    for (const auto& entry : due) {
        // Another's handler may have unset it, or destroyed it.
        if (!alarms_.contains(entry)) continue;
        entry.second->unset();
        entry.second->handler_();
    }
}

nanoseconds EventLoop::time_to_wait(nanoseconds patience) const {
    if (!always_ready_.empty()) return nanoseconds(0);
    if (!alarms_.empty()) {
        patience = std::min(patience, nanoseconds(alarms_.begin()->first - now_ns()));
    }
    return std::max(patience, nanoseconds(0));
}

void EventLoop::turn(nanoseconds patience) {
    const std::int64_t wait = time_to_wait(patience).count();
    const timespec timeout{.tv_sec = wait / kNanoseconds, .tv_nsec = wait % kNanoseconds};
    std::array<epoll_event, kEventsPerTurn> events;
    const int count =
        ::epoll_pwait2(epoll_.get(), events.data(), kEventsPerTurn, &timeout, nullptr);
    if (count < 0 && errno != EINTR) throw SystemError("waiting for events", "epoll_pwait2");
    for (int i = 0; i < count; ++i) {
        const std::uint64_t tag = events.at(static_cast<std::size_t>(i)).data.u64;
        call(static_cast<int>(tag & 0xffffffffU), static_cast<std::uint32_t>(tag >> 32U));
    }
    call_always_ready();
    ring();
}

void Alarm::set(std::int64_t when_ns) {
    unset();
    when_ns_ = when_ns;
    loop_.alarms_.emplace(when_ns, this);
}

void Alarm::unset() {
    if (when_ns_ == kNever) return;
    loop_.alarms_.erase({when_ns_, this});
    when_ns_ = kNever;
}

}  // namespace vitrine::runtime
