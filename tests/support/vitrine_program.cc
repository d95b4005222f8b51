#include "support/vitrine_program.h"

#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "base/error.h"
#include "base/fd.h"

namespace vitrine::test {

namespace {

using SteadyClock = std::chrono::steady_clock;

std::string from_environment(const char* name, const std::string& otherwise) {
    const char* value = ::getenv(name);  // NOLINT(concurrency-mt-unsafe): tests are one thread.
    return value == nullptr ? otherwise : value;
}

/// Bounds around the sandbox, should the sandbox be broken: a hostile program then hurts itself.
void bound_damage() {
    const rlimit processes{4096, 4096};
    const rlimit file{std::uint64_t{1} << 30, std::uint64_t{1} << 30};
    (void)::setrlimit(RLIMIT_NPROC, &processes);
    (void)::setrlimit(RLIMIT_FSIZE, &file);
}

[[noreturn]] void become(std::string program, const Call& call, int in, int out, int err) {
    bound_damage();
    ::dup2(in, 0);
    ::dup2(out, 1);
    ::dup2(err, 2);
    for (const auto& [name, value] : call.environment)
        ::setenv(name.c_str(), value.c_str(), 1);
    std::vector<std::string> words = call.arguments;
    words.insert(words.begin(), std::move(program));
    execute(std::move(words));
}

/// Moves bytes until both outputs are at their end or time is up.
class Pump {
  public:
    Pump(std::string_view input, UniqueFd in, UniqueFd out, UniqueFd err)
        : input_(input), in_(std::move(in)), out_(std::move(out)), err_(std::move(err)) {}

    /// False when time ran out.
    bool run(SteadyClock::time_point deadline, Answer& answer) {
        while (out_ || err_) {
            if (input_.empty()) in_.reset();
            std::array<pollfd, 3> events{
                {{in_.get(), POLLOUT, 0}, {out_.get(), POLLIN, 0}, {err_.get(), POLLIN, 0}}};
            const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
                deadline - SteadyClock::now());
            if (left.count() <= 0) return false;
            ::poll(events.data(), events.size(), static_cast<int>(left.count()));
            if (events[0].revents != 0) feed();
            if (events[1].revents != 0) take(out_, answer.out);
            if (events[2].revents != 0) take(err_, answer.err);
        }
        return true;
    }

  private:
    void feed() {
        const ssize_t written =
            ::write(in_.get(), input_.data(), std::min<std::size_t>(input_.size(), 4096));
        if (written < 0) {
            in_.reset();
        } else {
            input_.remove_prefix(static_cast<std::size_t>(written));
        }
    }

    static void take(UniqueFd& from, std::string& to) {
        std::array<char, 65536> buffer;
        const ssize_t got = ::read(from.get(), buffer.data(), buffer.size());
        if (got <= 0) return from.reset();
        to.append(buffer.data(), static_cast<std::size_t>(got));
    }

    std::string_view input_;
    UniqueFd in_;
    UniqueFd out_;
    UniqueFd err_;
};

int reap(pid_t pid) {
    int status = 0;
    ::waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

nlohmann::json Answer::result() const {
    try {
        return nlohmann::json::parse(out);
    } catch (const nlohmann::json::exception&) {
        throw Error(concat("no result on stdout: '", out.substr(0, 400), "', stderr: '",
                           err.substr(0, 2000), "'"));
    }
}

std::string vitrine_path() {
    return from_environment("VITRINE", VITRINE_PROGRAM);
}

std::string rootfs_with_commands() {
    return from_environment("VITRINE_COMMANDS_ROOTFS", VITRINE_COMMANDS);
}

int time_scale() {
    return std::stoi(from_environment("VITRINE_TIME_SCALE", "1"));
}

std::vector<std::string> run_flags() {
    const std::string flag = from_environment("VITRINE_RUN_FLAGS", "");
    return flag.empty() ? std::vector<std::string>() : std::vector{flag};
}

Answer run_vitrine(const Call& call) {
    if (call.arguments.empty() || call.arguments.front() != "run") {
        return run_program(vitrine_path(), call);
    }
    Call flagged = call;
    const std::vector<std::string> flags = run_flags();
    flagged.arguments.insert(flagged.arguments.begin() + 1, flags.begin(), flags.end());
    return run_program(vitrine_path(), flagged);
}

Answer run_program(const std::string& path, const Call& call) {
    ::signal(SIGPIPE, SIG_IGN);
    Pipe in = make_pipe();
    Pipe out = make_pipe();
    Pipe err = make_pipe();
    const pid_t pid = check(::fork(), concat("starting ", path), "fork");
    if (pid == 0) {
        ::signal(SIGPIPE, SIG_DFL);
        become(path, call, in.read_end.get(), out.write_end.get(), err.write_end.get());
    }
    in.read_end.reset();
    out.write_end.reset();
    err.write_end.reset();
    Answer answer;
    Pump pump(call.input, std::move(in.write_end), std::move(out.read_end),
              std::move(err.read_end));
    if (!pump.run(SteadyClock::now() + call.patience * time_scale(), answer)) {
        ::kill(pid, SIGKILL);
        answer.err += "\n[the test lost patience and killed it]\n";
    }
    answer.exit_code = reap(pid);
    return answer;
}

void execute(std::vector<std::string> words) {
    std::vector<char*> argv;
    for (std::string& word : words)
        argv.push_back(word.data());
    argv.push_back(nullptr);
    ::execv(argv[0], argv.data());
    ::_exit(255);
}

Answer run_code(const std::string& code, std::vector<std::string> flags) {
    flags.insert(flags.begin(), "run");
    flags.insert(flags.end(), {"-c", code});
    return run_vitrine({.arguments = std::move(flags)});
}

Answer run_command(const std::vector<std::string>& words, const std::vector<std::string>& flags,
                   const std::string& input) {
    Call call{.arguments = {"run", "--rootfs", rootfs_with_commands()}, .input = input};
    call.arguments.insert(call.arguments.end(), flags.begin(), flags.end());
    call.arguments.insert(call.arguments.end(), {"--exec", "--"});
    call.arguments.insert(call.arguments.end(), words.begin(), words.end());
    return run_vitrine(call);
}

Answer run_shell(const std::string& script, const std::vector<std::string>& flags) {
    return run_command({"busybox", "sh", "-c", script}, flags);
}

nlohmann::json result_of(const std::string& code, std::vector<std::string> flags) {
    flags.insert(flags.end(), {"--result", "-"});
    return run_code(code, std::move(flags)).result();
}

nlohmann::json result_unvalidated(const std::string& code, std::vector<std::string> flags) {
    flags.emplace_back("--no-validate");
    return result_of(code, std::move(flags));
}

}  // namespace vitrine::test
