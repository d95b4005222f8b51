#include "runtime/strace.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "base/causes.h"
#include "base/error.h"
#include "base/file.h"
#include "sandbox/report.h"

namespace vitrine::runtime {

namespace {

using sandbox::monotonic_ns;

constexpr const char* kProgram = "strace";
constexpr int kNotExecutedExit = 127;
/// What it says when it was asked for its version, and for nothing before.
constexpr std::string_view kVersion = "strace -- version";
constexpr std::int64_t kLookNs = 1'000'000;
/// Where many jobs start at once, each strace has its turn.
constexpr std::int64_t kAttachNs = 60'000'000'000;
/// Everything it traces is dead: what is left is to hear of it, and to write it down.
constexpr std::int64_t kEndNs = 10'000'000'000;
constexpr std::size_t kMaxWords = 65536;
constexpr std::size_t kKeptWords = 2000;

/// No signal of the terminal's, which are for us: a strace that leaves early loses the end.
[[noreturn]] void become_strace(std::vector<std::string> words, int output_fd, int words_fd) {
    ::setsid();
    kernel::die_with_parent();
    (void)::signal(SIGPIPE, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    const int null_fd = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    ::dup2(null_fd, STDIN_FILENO);
    ::dup2(output_fd < 0 ? null_fd : output_fd, STDOUT_FILENO);
    if (words_fd >= 0) ::dup2(words_fd, STDERR_FILENO);
    ::syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
    std::vector<char*> argv;
    for (std::string& word : words)
        argv.push_back(word.data());
    argv.push_back(nullptr);
    ::execvp(argv[0], argv.data());
    ::_exit(kNotExecutedExit);
}

kernel::Cloned start_strace(std::vector<std::string> words, int output_fd, int words_fd) {
    words.insert(words.begin(), kProgram);
    kernel::Cloned child = kernel::clone_process({.flags = 0, .exit_signal = SIGCHLD});
    if (child.pid == 0) become_strace(std::move(words), output_fd, words_fd);
    return child;
}

std::string how_it_ended(const kernel::Ended& ended) {
    return concat(ended.by_signal ? "signal " : "exit code ", ended.code);
}

std::string trimmed(std::string text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == ' '))
        text.pop_back();
    return text;
}

/// The line that says why.
std::string last_line(const std::string& text) {
    const std::string whole = trimmed(text);
    return whole.substr(whole.rfind('\n') + 1);
}

/// Yama: 1 and 2 want CAP_SYS_PTRACE over the job, which whoever made its user namespace has; with
/// 3 nobody may attach to anything.
void check_ptrace_scope() {
    constexpr const char* kScope = "/proc/sys/kernel/yama/ptrace_scope";
    constexpr int kNobody = 3;
    if (::access(kScope, R_OK) != 0) return;
    if (std::atoi(read_file(kScope, 64).c_str()) >= kNobody) {
        throw CauseError(advise(Cause::kPtraceForbidden));
    }
}

}  // namespace

/// It reads its options up to `-V`, and then tells its version instead of tracing.
void check_strace(const std::vector<std::string>& words) {
    check_ptrace_scope();
    std::vector<std::string> question = words;
    question.emplace_back("-V");
    Pipe answer = make_pipe();
    const kernel::Cloned child =
        start_strace(question, answer.write_end.get(), answer.write_end.get());
    answer.write_end.reset();
    const std::string said = read_all(answer.read_end.get(), kMaxWords);
    const kernel::Ended ended = kernel::wait_for(child.pidfd.get());
    const bool ended_well = !ended.by_signal && ended.code == 0;
    if (ended_well && said.contains(kVersion)) return;
    if (ended_well) {
        throw UsageError("strace is given more than options, or one that has it do something else",
                         "leave out what names a program or asks for help: vitrine names the "
                         "program itself");
    }
    if (!ended.by_signal && ended.code == kNotExecutedExit) {
        throw CauseError(advise(Cause::kNoStrace));
    }
    throw UsageError(concat("strace does not take these options: ", last_line(said)),
                     "'man strace' tells of them; vitrine itself says -f, -p and -o");
}

Strace::Strace(const RunContext& context, StraceOptions options, HolderHooks hooks)
    : context_(context),
      options_(std::move(options)),
      hooks_(std::move(hooks)),
      alarm_(context.loop, [this] { look(); }) {}

Strace::~Strace() {
    alarm_.unset();
    if (words_end_) context_.loop.forget(words_end_.get());
    if (!process_.pidfd) return;
    context_.loop.forget(process_.pidfd.get());
    try {
        kill();
        (void)kernel::wait_for(process_.pidfd.get());
    } catch (const Error&) {
        // Nothing to reap any more.
    }
    context_.children.remove(process_.pid);
}

// ── up to the first line ──

void Strace::hold(pid_t payload) {
    payload_ = payload;
    tracee_ = Tracee(payload);
    stage_ = Stage::kSettling;
    deadline_ns_ = monotonic_ns() + kAttachNs;
    look();
}

void Strace::look() {
    if (is_ending_) return run_out_of_patience();
    tracee_.look();
    if (stage_ == Stage::kSettling && tracee_.is_settled()) start();
    if (stage_ == Stage::kAttaching && tracee_.tracer() == process_.pid && tracee_.was_stopped()) {
        stage_ = Stage::kTracing;
        return hooks_.on_open();
    }
    if (stage_ != Stage::kSettling && stage_ != Stage::kAttaching) return;
    if (monotonic_ns() > deadline_ns_) {
        return fail("strace had not attached to the program within a minute",
                    "does somebody read the FIFO that the trace goes to? else, is the host "
                    "overloaded? 'strace -p PID' of a process of yours should work");
    }
    alarm_.set(monotonic_ns() + kLookNs);
}

std::vector<std::string> Strace::command(bool has_file) const {
    std::vector<std::string> words{"-f"};
    words.insert(words.end(), options_.words.begin(), options_.words.end());
    if (has_file) words.insert(words.end(), {"-o", options_.file});
    words.insert(words.end(), {"-p", std::to_string(payload_)});
    return words;
}

void Strace::start() {
    const bool has_file = !options_.file.empty();
    Pipe said;
    try {
        if (has_file) {
            said = make_pipe();
            check(::fcntl(said.read_end.get(), F_SETFL, O_NONBLOCK), "preparing a pipe", "fcntl");
        }
        process_ = start_strace(command(has_file), -1, said.write_end.get());
    } catch (const Error& error) {
        return fail(error.what(), error.hint());
    }
    stage_ = Stage::kAttaching;
    context_.children.add(process_.pid);
    context_.loop.watch(process_.pidfd.get(), EPOLLIN, [this] { take_end(); });
    words_end_ = std::move(said.read_end);
    if (words_end_) context_.loop.watch(words_end_.get(), EPOLLIN, [this] { take_words(); });
}

/// To the end, though only the last of it is kept: with a full pipe strace would wait, and the job
/// for strace.
void Strace::take_words() {
    std::array<char, 4096> buffer;
    const ssize_t got = ::read(words_end_.get(), buffer.data(), buffer.size());
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) {
        context_.loop.forget(words_end_.get());
        return words_end_.reset();
    }
    last_words_.append(buffer.data(), static_cast<std::size_t>(got));
    if (last_words_.size() > kKeptWords) {
        last_words_.erase(0, last_words_.size() - kKeptWords);
    }
}

void Strace::fail(std::string message, std::string hint) {
    if (is_ending_) return;
    hooks_.on_failed({.step = sandbox::Step::kAttachTracer,
                      .message = std::move(message),
                      .hint = std::move(hint)});
}

// ── the end ──

void Strace::end() {
    if (std::exchange(is_ending_, true)) return;
    alarm_.unset();
    if (stage_ == Stage::kSettling) stage_ = Stage::kDone;
    if (stage_ == Stage::kAttaching) kill();
    if (stage_ == Stage::kTracing) alarm_.set(monotonic_ns() + kEndNs);
}

void Strace::run_out_of_patience() {
    if (stage_ != Stage::kTracing) return;
    warnings_.emplace_back(
        "strace was still there ten seconds after the job's end, and was killed: the trace may "
        "lack its last lines");
    kill();
}

void Strace::kill() {
    was_killed_ = true;
    kernel::send_signal(process_.pidfd.get(), SIGKILL);
}

void Strace::take_end() {
    context_.loop.forget(process_.pidfd.get());
    const kernel::Ended ended = kernel::wait_for(process_.pidfd.get());
    context_.children.remove(process_.pid);
    process_.pidfd.reset();
    alarm_.unset();
    while (words_end_ && kernel::ends_within(words_end_.get(), 0))
        take_words();
    judge_end(std::exchange(stage_, Stage::kDone), ended);
    if (is_ending_) hooks_.on_done();
}

void Strace::judge_end(Stage before, const kernel::Ended& ended) {
    if (was_killed_) return;
    const std::string line = last_line(last_words_);
    const std::string reason =
        concat(how_it_ended(ended), line.empty() ? std::string() : concat(": ", line));
    if (before == Stage::kAttaching) {
        return fail(concat("strace ended before it had attached to the program (", reason, ")"),
                    options_.file.empty() ? "what it wrote above says why"
                                          : "docs/debugging.md tells what can forbid it");
    }
    // It goes on where it cannot write, and ends as if all were well.
    const bool could_write =
        options_.file.empty() || !last_words_.contains(concat("strace: ", options_.file, ": "));
    if (!could_write) {
        warnings_.push_back(concat("strace could not write all of the trace: ", line));
    } else if (ended.by_signal || ended.code != 0) {
        warnings_.push_back(concat("strace ended with ", reason, ": the trace may be cut short"));
    } else if (!is_ending_) {
        warnings_.emplace_back("strace ended before the job did: the trace is cut short");
    }
}

}  // namespace vitrine::runtime
