// One thread's events: descriptors that become ready, and times that come. epoll(7).
//
// Nothing here knows what it waits for. Handlers may watch and forget anything, themselves
// included; what was forgotten is not called any more, even if it was ready in the same turn.
#pragma once

#include <sys/epoll.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/fd.h"

namespace vitrine::runtime {

class Alarm;

class EventLoop {
  public:
    using Handler = std::function<void()>;

    EventLoop();
    EventLoop(const EventLoop&) = delete;
    EventLoop& operator=(const EventLoop&) = delete;

    /// Calls `handler` whenever `fd` is ready for `events` (EPOLLIN, EPOLLOUT), has an error or
    /// was hung up on. A file that cannot be waited for, as regular ones, is always ready. With no
    /// events nothing is called until change() names some.
    void watch(int fd, std::uint32_t events, Handler handler);
    /// Waits for `events` from now on; none suspends the descriptor altogether.
    void change(int fd, std::uint32_t events);
    /// Must be called before a watched descriptor is closed. Again does nothing.
    void forget(int fd);

    /// Calls the handlers of everything that is due; waits for something, at most `patience` long,
    /// when nothing is.
    void turn(std::chrono::nanoseconds patience);

  private:
    friend class Alarm;

    struct Watched {
        std::shared_ptr<Handler> handler;
        std::uint32_t events = 0;
        std::uint32_t generation = 0;  ///< A descriptor's number is used again.
        bool is_always_ready = false;
    };

    void apply(int fd, Watched& watched, std::uint32_t events);
    void call(int fd, std::uint32_t generation);
    void call_always_ready();
    void ring();
    std::chrono::nanoseconds time_to_wait(std::chrono::nanoseconds patience) const;

    UniqueFd epoll_;
    std::unordered_map<int, Watched> watched_;
    std::set<int> always_ready_;
    std::set<std::pair<std::int64_t, Alarm*>> alarms_;
    std::uint32_t next_generation_ = 0;
};

/// Rings once when its time has come, until it is set again. Borrows its loop.
class Alarm {
  public:
    Alarm(EventLoop& loop, EventLoop::Handler handler)
        : loop_(loop), handler_(std::move(handler)) {}
    ~Alarm() { unset(); }
    Alarm(const Alarm&) = delete;
    Alarm& operator=(const Alarm&) = delete;

    /// In nanoseconds of CLOCK_MONOTONIC. Replaces the time it was set to.
    void set(std::int64_t when_ns);
    void unset();
    bool is_set() const noexcept { return when_ns_ != kNever; }

  private:
    friend class EventLoop;
    static constexpr std::int64_t kNever = -1;

    EventLoop& loop_;
    EventLoop::Handler handler_;
    std::int64_t when_ns_ = kNever;
};

}  // namespace vitrine::runtime
