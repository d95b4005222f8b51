#include "runtime/nest.h"

#include <signal.h>

#include <array>
#include <utility>
#include <vector>

#include "base/error.h"

namespace vitrine::runtime {

namespace {

constexpr std::size_t kMaxAnswerBytes = 65536;
/// Network namespaces kept for sandboxes to come.
constexpr std::size_t kMostNetworks = 64;

sandbox::Failure unexpected_end() {
    return {.step = sandbox::Step::kWarmUp,
            .message = "the warm zygote died",
            .hint = "see whether what is preloaded needs more memory than there is"};
}

}  // namespace

Nest::Nest(EventLoop& loop, Children& children, const HostIdentity& identity,
           const SandboxPlan& plan, const std::string& preload, Hooks hooks)
    : loop_(loop), children_(children), hooks_(std::move(hooks)), zygote_(identity.map, -1) {
    SocketPair nursery = make_socket_pair();
    const UniqueFd spec = make_sealed_memfd("sandbox", encode(plan.spec));
    const UniqueFd warm_up =
        make_sealed_memfd("preload", std::as_bytes(std::span(std::string_view(preload))));
    std::vector<int> fds{spec.get(), warm_up.get(), nursery.theirs.get()};
    for (const UniqueFd& tree : plan.trees)
        fds.push_back(tree.get());
    zygote_.introduce(sandbox::kNestRequest, fds);
    nursery_ = std::move(nursery.ours);
    children_.add(zygote_.zygote_pid());
    for (const int socket_fd : {zygote_.control.get(), nursery_.get()})
        loop_.watch(socket_fd, EPOLLIN, [this, socket_fd] { take(socket_fd); });
}

Nest::~Nest() {
    end_processes();
}

/// Reaped at once: one that nobody waits for would be in the way of strangers.
void Nest::end_processes() {
    if (std::exchange(is_ended_, true)) return;
    for (const int socket_fd : {zygote_.control.get(), nursery_.get()}) {
        if (socket_fd >= 0) loop_.forget(socket_fd);
    }
    zygote_.end_zygote();
    children_.remove(zygote_.zygote_pid());
    zygote_.control.reset();
    nursery_.reset();
    const UniqueFd nursery = std::move(nursery_pidfd_);
    if (!nursery) return;
    try {
        kernel::send_signal(nursery.get(), SIGKILL);
        (void)kernel::wait_for(nursery.get());
    } catch (const Error&) {
        // Nothing to reap any more.
    }
    children_.remove(nursery_pid_);
}

// ── requests ──

std::uint64_t Nest::expect(Unborn& sandbox) {
    unborn_.emplace(next_name_, &sandbox);
    return next_name_++;
}

void Nest::keep_network(UniqueFd network) {
    if (is_dead_ || networks_.size() >= kMostNetworks) return;
    networks_.push_back(std::move(network));
}

UniqueFd Nest::take_network() {
    if (networks_.empty()) return {};
    UniqueFd network = std::move(networks_.back());
    networks_.pop_back();
    return network;
}

void Nest::ask_for_init(Unborn& sandbox, const InitWish& wish) {
    if (is_dead_) return sandbox.birth_failed(unexpected_end());
    const std::uint64_t name = expect(sandbox);
    try {
        const sandbox::InitRequest request{
            .sandbox = name, .waits = wish.waits, .shares_networks = wish.shares_networks};
        const std::array fds{wish.ready_fd, wish.lifeline_fd, wish.network_fd};
        send_message(nursery_.get(), encode(request),
                     std::span(fds).first(wish.network_fd < 0 ? 2 : 3));
    } catch (const SystemError&) {
        // It is dead, which its socket tells next; everybody is answered then.
    }
}

void Nest::ask_for_payload(Unborn& sandbox, bool is_awaited, std::span<const int> fds) {
    if (is_dead_) return sandbox.birth_failed(unexpected_end());
    const std::uint64_t name = expect(sandbox);
    try {
        const sandbox::PayloadRequest request{.sandbox = name, .is_awaited = is_awaited};
        send_message(zygote_.control.get(), encode(request), fds);
    } catch (const SystemError&) {
        // As above.
    }
}

// ── answers ──

void Nest::take(int socket_fd) {
    if (is_dead_) return;
    try {
        Message message = receive_message(socket_fd, kMaxAnswerBytes, 2);
        if (message.bytes.empty()) return die(unexpected_end());
        take_message(message);
    } catch (const std::exception& error) {
        sandbox::Failure failure = unexpected_end();
        failure.message = error.what();
        die(failure);
    }
}

void Nest::take_message(Message& message) {
    using sandbox::NestAnswer;
    const sandbox::NestMessage told = sandbox::decode_nest_message(message.bytes);
    UniqueFd pidfd = message.fds.empty() ? UniqueFd() : std::move(message.fds.front());
    switch (told.kind) {
        case NestAnswer::kNestFailed:
            return die(told.failure);
        case NestAnswer::kNurseryBorn:
            nursery_pidfd_ = std::move(pidfd);
            nursery_pid_ = told.pid;
            return children_.add(nursery_pid_);
        case NestAnswer::kReady:
            is_ready_ = true;
            memory_bytes_ = told.memory_bytes;
            data_bytes_ = told.data_bytes;
            return hooks_.on_ready();
        default:
            return answer(told, std::move(pidfd),
                          message.fds.size() > 1 ? std::move(message.fds[1]) : UniqueFd());
    }
}

void Nest::answer(const sandbox::NestMessage& message, UniqueFd pidfd, UniqueFd network) {
    const auto found = unborn_.find(message.sandbox);
    if (found == unborn_.end()) return;
    Unborn& sandbox = *found->second;
    unborn_.erase(found);
    if (message.kind == sandbox::NestAnswer::kFailed) return sandbox.birth_failed(message.failure);
    if (message.kind == sandbox::NestAnswer::kInitBorn) {
        return sandbox.init_born(std::move(pidfd), message.pid, std::move(network));
    }
    sandbox.payload_born(std::move(pidfd),
                         {.forking_ns = message.forking_ns, .payload_pid = message.pid});
}

/// Neither process goes on without the other. Who was born and never announced is a stranger now.
void Nest::die(const sandbox::Failure& failure) {
    if (is_dead_) return;
    is_dead_ = true;
    is_ready_ = false;
    end_processes();
    std::unordered_map<std::uint64_t, Unborn*> unborn;
    unborn.swap(unborn_);
    for (const auto& [name, sandbox] : unborn)
        sandbox->birth_failed(failure);
    hooks_.on_dead(failure);
}

}  // namespace vitrine::runtime
