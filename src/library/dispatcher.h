// A Runtime's jobs on their way to a supervisor and back, in a thread of their own.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/fd.h"
#include "base/frame.h"
#include "library/conversation.h"
#include "library/messages.h"

namespace vitrine::library {

/// Thread-safe but for its destructor. Jobs wait here, and only as many as keep the workers busy
/// are at the supervisor: when that dies, the others have not been touched.
class Dispatcher {
  public:
    using Done = std::function<void(Result)>;

    /// Starts the thread. `program` is executed when the first job comes. Throws Error.
    Dispatcher(Start start, std::string program);
    ~Dispatcher() { close(); }
    Dispatcher(const Dispatcher&) = delete;
    Dispatcher& operator=(const Dispatcher&) = delete;

    void submit(Job job, Done done);
    void interrupt();
    void wait();
    /// Interrupts, and waits until every job is answered and the supervisor is gone. Callbacks may
    /// submit more meanwhile, which is not run; nobody else may. Again does nothing.
    void close();

    /// The process that made it has forked, and this is the child: the thread is not here.
    bool is_forked_away() const;
    /// The caller is a callback.
    bool is_own_thread() const { return std::this_thread::get_id() == thread_.get_id(); }

  private:
    using Clock = std::chrono::steady_clock;

    /// One job that has no answer yet.
    struct Task {
        std::uint64_t number = 0;
        std::string id;
        std::vector<std::byte> frame;  ///< Empty once it is sent, or where it is too long for that.
        Done done;
    };

    /// Why a supervisor is lost.
    struct Reason {
        std::string message = "it ended without a word";
        std::string hint;
        bool is_final = false;  ///< It said itself that another would be no better.
    };

    // ── any thread ──
    void wake() const;

    // ── the thread's own ──
    void work();
    bool is_over();
    void take_requests();
    void send_waiting();
    std::optional<Task> next_waiting();
    void send(Task task);
    bool start_supervisor();
    void wait_for_events();
    int patience() const;
    void listen();
    void take(const Frame& frame);
    void take_result(const Frame& frame);
    void lose_supervisor();
    void dismiss_supervisor();
    void answer(Task& task, Result result);
    void fail(Task& task, const SetupError& error);
    void fail_all(std::deque<Task> tasks, const SetupError& error);

    const Start start_;
    const std::string program_;
    const pid_t process_;
    UniqueFd wake_;  ///< eventfd.

    std::mutex mutex_;
    std::condition_variable all_answered_;
    std::deque<Task> waiting_;
    std::deque<Task> interrupted_;  ///< Waited when they were; not answered yet.
    std::uint64_t next_number_ = 0;
    std::size_t unanswered_ = 0;
    bool wants_interrupt_ = false;
    bool is_closing_ = false;

    std::map<std::uint64_t, Task> sent_;
    std::optional<Conversation> talk_;
    Reason reason_;
    bool has_answered_ = false;                  ///< This supervisor has, at least once.
    int failures_ = 0;                           ///< Supervisors in a row that have not.
    std::optional<Clock::time_point> deadline_;  ///< The supervisor must have answered by then.

    std::thread thread_;  ///< Last: it uses everything above.
};

}  // namespace vitrine::library
