#include "runtime/nest.h"

#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "base/error.h"

namespace vitrine::runtime {

namespace {

constexpr std::size_t kMaxAnswerBytes = 65536;
constexpr std::size_t kMaxAnswerFds = 2;
/// Network namespaces kept for sandboxes to come.
constexpr std::size_t kMostNetworks = 64;

sandbox::Failure unexpected_end() {
    return {.step = sandbox::Step::kWarmUp,
            .message = "the warm zygote died",
            .hint = "see whether what is preloaded needs more memory than there is"};
}

}  // namespace

Nest::Nest(EventLoop& loop, Children& children, const HostIdentity& identity,
           const SandboxPlan& plan, const Brood& brood, Hooks hooks)
    : loop_(loop),
      children_(children),
      hooks_(std::move(hooks)),
      zygote_(identity.map, -1),
      wanted_zygotes_(brood.zygotes) {
    SocketPair nursery = make_socket_pair();
    const UniqueFd spec = make_sealed_memfd("sandbox", encode(plan.spec));
    const UniqueFd warm_up =
        make_sealed_memfd("preload", std::as_bytes(std::span(std::string_view(brood.preload))));
    std::vector<int> fds{spec.get(), warm_up.get(), nursery.theirs.get()};
    for (const UniqueFd& tree : plan.trees)
        fds.push_back(tree.get());
    zygote_.introduce(sandbox::kNestRequest, fds);
    nursery_ = std::move(nursery.ours);
    children_.add(zygote_.zygote_pid());
    forkers_.push_back({.control = std::move(zygote_.control), .twin = {}});
    watch(forkers_.front().control.get());
    watch(nursery_.get());
}

Nest::~Nest() {
    end_processes();
}

void Nest::watch(int socket_fd) {
    loop_.watch(socket_fd, EPOLLIN, [this, socket_fd] { take(socket_fd); });
}

/// Reaped at once: one that nobody waits for would be in the way of strangers.
void Nest::end_processes() {
    if (std::exchange(is_ended_, true)) return;
    zygote_.end_zygote();
    children_.remove(zygote_.zygote_pid());
    hear_of_last_twins();
    for (Forker& forker : forkers_) {
        loop_.forget(forker.control.get());
        forker.control.reset();
        end(forker.twin);
    }
    loop_.forget(nursery_.get());
    nursery_.reset();
    end(nursery_process_);
}

void Nest::end(kernel::Cloned& process) {
    const UniqueFd pidfd = std::move(process.pidfd);
    if (!pidfd) return;
    try {
        kernel::send_signal(pidfd.get(), SIGKILL);
        (void)kernel::wait_for(pidfd.get());
    } catch (const Error&) {
        // Nothing to reap any more.
    }
    children_.remove(process.pid);
}

// ── twins ──

void Nest::ask_for_twins() {
    const auto request = encode(sandbox::ZygoteRequest{.birth = sandbox::Birth::kTwin});
    try {
        while (forkers_.size() + unborn_twins_.size() < wanted_zygotes_) {
            SocketPair socket = make_socket_pair();
            send_message(forkers_.front().control.get(), request, std::array{socket.theirs.get()});
            unborn_twins_.push_back(std::move(socket.ours));
        }
    } catch (const SystemError&) {
        // Too few descriptors for more; or the zygote is dead, which its socket tells next.
    }
}

void Nest::twin_answered(UniqueFd pidfd, pid_t pid) {
    if (unborn_twins_.empty()) throw Error("a zygote has a twin that nobody asked for");
    UniqueFd control = std::move(unborn_twins_.front());
    unborn_twins_.pop_front();
    if (!pidfd) return;
    children_.add(pid);
    watch(control.get());
    forkers_.push_back(
        {.control = std::move(control), .twin = {.pid = pid, .pidfd = std::move(pidfd)}});
}

/// Twins that the dead zygote has told of, and nobody has heard of yet, are to be ended as well.
void Nest::hear_of_last_twins() {
    pollfd zygote{.fd = forkers_.front().control.get(), .events = POLLIN, .revents = 0};
    try {
        while (!unborn_twins_.empty() && ::poll(&zygote, 1, 0) > 0) {
            Message message = receive_message(zygote.fd, kMaxAnswerBytes, kMaxAnswerFds);
            if (message.bytes.empty()) return;
            const auto told = sandbox::decode_nest_message(message.bytes);
            if (told.kind != sandbox::NestAnswer::kTwinBorn || message.fds.empty()) continue;
            twin_answered(std::move(message.fds.front()), told.pid);
        }
    } catch (const Error&) {
        // One that nobody hears of ends with its socket, and is a stranger then.
    }
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
    Forker& forker = *std::ranges::min_element(forkers_, {}, &Forker::unanswered);
    ++forker.unanswered;
    try {
        const sandbox::ZygoteRequest request{.sandbox = name, .is_awaited = is_awaited};
        send_message(forker.control.get(), encode(request), fds);
    } catch (const SystemError&) {
        // As above.
    }
}

// ── answers ──

void Nest::take(int socket_fd) {
    if (is_dead_) return;
    try {
        Message message = receive_message(socket_fd, kMaxAnswerBytes, kMaxAnswerFds);
        if (message.bytes.empty()) return die(unexpected_end());
        take_message(socket_fd, message);
    } catch (const std::exception& error) {
        sandbox::Failure failure = unexpected_end();
        failure.message = error.what();
        die(failure);
    }
}

void Nest::take_message(int socket_fd, Message& message) {
    using sandbox::NestAnswer;
    const sandbox::NestMessage told = sandbox::decode_nest_message(message.bytes);
    UniqueFd pidfd = message.fds.empty() ? UniqueFd() : std::move(message.fds.front());
    switch (told.kind) {
        case NestAnswer::kNestFailed:
            return die(told.failure);
        case NestAnswer::kNurseryBorn:
            nursery_process_ = {.pid = told.pid, .pidfd = std::move(pidfd)};
            return children_.add(told.pid);
        case NestAnswer::kReady:
            is_ready_ = true;
            memory_bytes_ = told.memory_bytes;
            data_bytes_ = told.data_bytes;
            // Before whoever is told asks for payloads: twins cannot come after them.
            ask_for_twins();
            return hooks_.on_ready();
        case NestAnswer::kTwinBorn:
            return twin_answered(std::move(pidfd), told.pid);
        default:
            for (Forker& forker : forkers_) {
                if (forker.control.get() == socket_fd) --forker.unanswered;
            }
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

/// No process of it goes on without the others. Who was born and never announced is a stranger now.
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
