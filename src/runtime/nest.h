// A nest from the supervisor's side: the warm zygotes and their nursery, and what they are asked
// for.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/fd.h"
#include "kernel/process.h"
#include "runtime/children.h"
#include "runtime/event_loop.h"
#include "runtime/plan.h"
#include "runtime/spawn.h"
#include "sandbox/nest.h"
#include "sandbox/report.h"

namespace vitrine::runtime {

/// A sandbox that is being born. Every request is answered once: by a birth or by birth_failed.
class Unborn {
  public:
    virtual ~Unborn() = default;
    /// `network` is its network namespace where that was made for it and may be handed on.
    virtual void init_born(UniqueFd pidfd, pid_t pid, UniqueFd network) = 0;
    virtual void payload_born(UniqueFd pidfd, const sandbox::Launched& launched) = 0;
    virtual void birth_failed(const sandbox::Failure& failure) = 0;
};

class Nest {
  public:
    struct Hooks {
        std::function<void()> on_ready;  ///< It can be asked.
        /// It is dead, or could not be made. Everything asked of it was answered before.
        std::function<void(const sandbox::Failure&)> on_dead;
    };

    /// What the zygotes are made of.
    struct Brood {
        std::size_t zygotes = 1;  ///< At least 1. All but the first may be missing.
        std::string preload;      ///< In the guest's encoding.
    };

    /// Starts it; it is ready later, with its first zygote. Borrows loop and children. Throws
    /// Error.
    Nest(EventLoop& loop, Children& children, const HostIdentity& identity, const SandboxPlan& plan,
         const Brood& brood, Hooks hooks);
    /// Ends all its processes. Nothing may be asked of it that is not answered.
    ~Nest();
    Nest(const Nest&) = delete;
    Nest& operator=(const Nest&) = delete;

    /// Whoever made it is gone: nobody is told anything more.
    void mute() {
        hooks_ = {.on_ready = [] {}, .on_dead = [](const sandbox::Failure&) {}};
    }

    bool is_ready() const noexcept { return is_ready_; }
    bool is_dead() const noexcept { return is_dead_; }
    /// How many share the warm heap.
    std::size_t zygotes() const noexcept { return forkers_.size(); }
    /// Of the warm heap, once it is ready: resident, and what RLIMIT_DATA counts of a fork.
    std::uint64_t memory_bytes() const noexcept { return memory_bytes_; }
    std::uint64_t data_bytes() const noexcept { return data_bytes_; }

    /// What an init is to be. Descriptors are borrowed and travel along.
    struct InitWish {
        bool waits;  ///< It does nothing before it is sent something.
        bool shares_networks;
        int ready_fd;
        int lifeline_fd;
        int network_fd;  ///< Of a sandbox that is gone; -1 for none.
    };
    void ask_for_init(Unborn& sandbox, const InitWish& wish);
    /// Asks for a payload. `fds` as PayloadRequest has them.
    void ask_for_payload(Unborn& sandbox, bool is_awaited, std::span<const int> fds);

    /// The network namespace of a sandbox that is gone, for one that comes.
    void keep_network(UniqueFd network);
    /// None where there is none.
    UniqueFd take_network();

  private:
    /// What forks payloads: the zygote or a twin of it.
    struct Forker {
        UniqueFd control;
        kernel::Cloned twin;  ///< None in the first: that is `zygote_`.
        std::size_t unanswered = 0;
    };

    void watch(int socket_fd);
    void ask_for_twins();
    void twin_answered(UniqueFd pidfd, pid_t pid);
    void hear_of_last_twins();
    void end(kernel::Cloned& process);
    void take(int socket_fd);
    void take_message(int socket_fd, Message& message);
    void answer(const sandbox::NestMessage& message, UniqueFd pidfd, UniqueFd network);
    std::uint64_t expect(Unborn& sandbox);
    void die(const sandbox::Failure& failure);
    void end_processes();

    EventLoop& loop_;
    Children& children_;
    Hooks hooks_;
    Launching zygote_;
    std::size_t wanted_zygotes_;
    std::vector<Forker> forkers_;        ///< Never empty.
    std::deque<UniqueFd> unborn_twins_;  ///< Their sockets, in the order of the requests.
    UniqueFd nursery_;
    kernel::Cloned nursery_process_;
    std::vector<UniqueFd> networks_;
    bool is_ready_ = false;
    bool is_dead_ = false;
    bool is_ended_ = false;
    std::uint64_t memory_bytes_ = 0;
    std::uint64_t data_bytes_ = 0;
    std::uint64_t next_name_ = 1;
    std::unordered_map<std::uint64_t, Unborn*> unborn_;
};

}  // namespace vitrine::runtime
