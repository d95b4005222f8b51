#include "library/server.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <deque>
#include <memory>
#include <optional>

#include "base/error.h"
#include "base/frame.h"
#include "kernel/pidfd.h"
#include "library/codec.h"
#include "runtime/engine.h"
#include "runtime/host.h"
#include "runtime/job_check.h"
#include "runtime/job_defaults.h"
#include "runtime/signals.h"

namespace vitrine::library {

namespace {

constexpr std::size_t kPiece = std::size_t{256} << 10;
/// Until something happens: an engine has clocks of its own.
constexpr std::chrono::hours kPatience{1};

template <typename Message>
std::vector<std::byte> frame_of(Kind kind, const Message& message) {
    return make_frame(static_cast<std::uint32_t>(kind), encode(message));
}

Result answer(const Job& job, const char* step, const Error& error) {
    Result result;
    result.id = job.id;
    result.error = SetupError{.step = step, .message = error.what(), .hint = error.hint()};
    return result;
}

/// What only reports to the command line know: that we ended the job.
Result result_of(runtime::RunReport report) {
    Result& result = report.result;
    if (report.interrupt_signal != 0 && !result.error) {
        result.status = Status::kSetupError;
        result.error =
            SetupError{.step = "interrupted", .message = "interrupted before it had ended"};
    }
    return std::move(result);
}

/// Both streams are kept, and have to fit into one frame.
void check_output(const Limits& limits) {
    if (limits.max_output_bytes <= kMaxOutputBytes) return;
    throw UsageError("limits.max_output_bytes: more than 256 MiB cannot be handed back",
                     "have the job write a file and collect it with 'artifacts'");
}

/// Bytes for the program, kept until the socket takes them: it is never waited for.
class Outbox {
  public:
    explicit Outbox(int socket_fd) : socket_fd_(socket_fd) {}

    void add(std::vector<std::byte> frame) { frames_.push_back(std::move(frame)); }
    bool is_empty() const noexcept { return frames_.empty(); }

    /// False when nobody is there to read.
    bool pump() {
        while (!frames_.empty()) {
            const auto& frame = frames_.front();
            const ssize_t sent = ::send(socket_fd_, frame.data() + sent_, frame.size() - sent_,
                                        MSG_NOSIGNAL | MSG_DONTWAIT);
            if (sent < 0) return errno == EAGAIN || errno == EINTR;
            sent_ += static_cast<std::size_t>(sent);
            if (sent_ < frame.size()) continue;
            frames_.pop_front();
            sent_ = 0;
        }
        return true;
    }

  private:
    int socket_fd_;
    std::deque<std::vector<std::byte>> frames_;
    std::size_t sent_ = 0;  ///< Bytes of the first.
};

class Server {
  public:
    Server(UniqueFd socket, UniqueFd host_pidfd)
        : socket_(std::move(socket)),
          host_(std::move(host_pidfd)),
          reader_(kMaxFrameBytes),
          outbox_(socket_.get()) {}

    void run() {
        const std::optional<Start> start = await_start();
        if (!start) return;
        begin(*start);
        outbox_.add(frame_of(Kind::kReady, Ready{.pid = ::getpid()}));
        watch();
        // Jobs may have come in one piece with the start.
        exchange();
        while (!is_over()) {
            pump();
            engine_->turn(kPatience);
        }
        (void)outbox_.pump();
        for (const int fd : {socket_.get(), host_.get(), signals_.fd()})
            engine_->events().forget(fd);
        engine_.reset();
    }

  private:
    /// Nothing else is there to be waited for yet.
    std::optional<Start> await_start() {
        while (true) {
            if (const auto frame = reader_.next()) {
                if (frame->kind != static_cast<std::uint32_t>(Kind::kStart)) return std::nullopt;
                return decode<Start>(frame->bytes);
            }
            if (!take_piece(0)) return std::nullopt;
        }
    }

    void begin(const Start& start) {
        rootfs_ = start.rootfs;
        std::string profiles = start.profiles;
        if (rootfs_.empty() || profiles.empty()) {
            const runtime::InstalledFiles installed = runtime::installed_files();
            if (rootfs_.empty()) rootfs_ = installed.rootfs;
            if (profiles.empty()) profiles = installed.profiles;
        }
        engine_ = runtime::make_engine({.profiles = profiles,
                                        .workers = std::max(start.workers, 1U),
                                        .is_cold = start.is_cold,
                                        .preload = start.preload});
    }

    void watch() {
        runtime::EventLoop& events = engine_->events();
        events.watch(socket_.get(), EPOLLIN, [this] { exchange(); });
        events.watch(host_.get(), EPOLLIN, [this] { is_left_ = true; });
        events.watch(signals_.fd(), EPOLLIN, [this] {
            if (const int signal = signals_.take(); signal != 0) stop(signal);
        });
    }

    bool is_over() const {
        const bool is_done = is_stopped_ && engine_->pending() == 0 && outbox_.is_empty();
        return is_left_ || is_done;
    }

    /// False at the end of the conversation.
    bool take_piece(int flags) {
        std::array<std::byte, kPiece>& piece = *piece_;
        const ssize_t got = ::recv(socket_.get(), piece.data(), piece.size(), flags);
        if (got > 0) reader_.feed(std::span(piece).first(static_cast<std::size_t>(got)));
        return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
    }

    /// Called by the engine's loop, which nothing may be thrown through.
    void exchange() {
        try {
            if (!take_piece(MSG_DONTWAIT)) is_left_ = true;
            while (const auto frame = reader_.next())
                take(*frame);
            if (reader_.is_broken()) throw Error("a message is too long");
        } catch (const Error& error) {
            outbox_.add(
                frame_of(Kind::kRefusal, Refusal{.message = error.what(), .hint = error.hint()}));
            is_left_ = true;
        }
    }

    void take(const Frame& frame) {
        if (is_stopped_) return;
        if (frame.kind == static_cast<std::uint32_t>(Kind::kInterrupt)) {
            engine_->interrupt(SIGTERM);
        } else if (frame.kind == static_cast<std::uint32_t>(Kind::kJob)) {
            submit(decode<NumberedJob>(frame.bytes));
        } else {
            throw Error("the program speaks another language");
        }
    }

    void submit(NumberedJob numbered) {
        Job& job = numbered.job;
        try {
            runtime::complete_job(job, rootfs_);
            runtime::check_job(job);
            check_output(job.limits);
        } catch (const Error& error) {
            return send(numbered.number, answer(job, "job", error));
        }
        engine_->submit(std::move(job),
                        [this, number = numbered.number](runtime::RunReport report) {
                            send(number, result_of(std::move(report)));
                        });
    }

    void send(std::uint64_t number, Result result) {
        outbox_.add(frame_of(Kind::kResult, NumberedResult{number, std::move(result)}));
    }

    void pump() {
        if (!outbox_.pump()) is_left_ = true;
        const std::uint32_t writable = outbox_.is_empty() ? 0U : std::uint32_t{EPOLLOUT};
        engine_->events().change(socket_.get(), EPOLLIN | writable);
    }

    /// Whoever asked wants this process gone; the program is told what became of its jobs first.
    void stop(int signal) {
        is_stopped_ = true;
        engine_->interrupt(signal);
    }

    UniqueFd socket_;
    UniqueFd host_;
    runtime::EndSignals signals_;
    FrameReader reader_;
    Outbox outbox_;
    std::unique_ptr<std::array<std::byte, kPiece>> piece_ =
        std::make_unique<std::array<std::byte, kPiece>>();
    std::string rootfs_;
    std::unique_ptr<runtime::Engine> engine_;
    bool is_left_ = false;
    bool is_stopped_ = false;
};

}  // namespace

UniqueFd open_parent(pid_t pid) {
    UniqueFd parent = kernel::open_pidfd(pid);
    // Asked after it was opened: then it cannot be another's number.
    if (::getppid() != pid) parent.reset();
    return parent;
}

void serve(UniqueFd socket, UniqueFd host_pidfd) {
    Server(std::move(socket), std::move(host_pidfd)).run();
}

void refuse(int socket_fd, const Error& error) {
    Outbox outbox(socket_fd);
    outbox.add(frame_of(Kind::kRefusal, Refusal{.message = error.what(), .hint = error.hint()}));
    (void)outbox.pump();
}

}  // namespace vitrine::library
