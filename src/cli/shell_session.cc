#include "cli/shell_session.h"

#include <unistd.h>

#include <chrono>
#include <cstdlib>

#include "base/error.h"
#include "base/log.h"
#include "base/units.h"

namespace vitrine::cli {

namespace {

/// The names of `__main__` are the user's: nothing of the shell's is left among them.
constexpr const char* kShellProgram = R"(def _shell():
    # A source that names exit() gets what python3 owes to its site module.
    import code, sys
    del globals()["_shell"]
    try:
        import readline, rlcompleter
        readline.set_completer(rlcompleter.Completer(globals()).complete)
        readline.parse_and_bind("tab: complete")
    except ImportError:
        pass
    sys.ps1, sys.ps2 = "vitrine>>> ", "vitrine... "
    code.InteractiveConsole(globals(), "<shell>").interact("", "")


_shell()
)";

std::string join(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words)
        text += concat(text.empty() ? "" : ", ", word);
    return text;
}

std::string shortest(double number) {
    std::string text = std::to_string(number);
    text.erase(text.find_last_not_of('0') + 1);
    if (text.ends_with('.')) text.pop_back();
    return text;
}

void tell_banner(const Log& log, const Job& job, const Isolation& isolation) {
    const Limits& limits = job.limits;
    log.info(job.command.empty()
                 ? "Python in a fresh sandbox; layer 1 does not look at what is typed here"
                 : concat("'", job.command.front(), "' in a fresh sandbox; without layer 1"));
    log.info(concat("seccomp ", isolation.seccomp_profile, ", Landlock ABI ",
                    isolation.landlock_abi, ", no network; files: ", job.rootfs, " and ",
                    format_bytes(limits.tmpfs_bytes), " of /tmp"));
    log.info(concat("limits by ", isolation.limits_backend, ": memory ",
                    format_bytes(limits.memory_bytes), ", ", shortest(limits.cpus), " CPU, ",
                    limits.pids, " processes, ", format_duration(limits.timeout)));
    if (!isolation.degraded.empty()) {
        log.warning(concat("weaker than could be: ", join(isolation.degraded)));
    }
    log.info("Ctrl-D leaves; Ctrl-] three times ends what does not listen");
}

std::string kind_of_terminal() {
    const char* ours = std::getenv("TERM");  // NOLINT(concurrency-mt-unsafe): one thread.
    std::string kind(ours != nullptr ? ours : "");
    return kind.empty() ? std::string("xterm") : kind;
}

}  // namespace

void give_terminal(Job& job, const char* flag) {
    if (::isatty(STDIN_FILENO) != 1) {
        throw UsageError(concat(flag, ": stdin is not a terminal"),
                         "call it from a terminal; to feed a job from a pipe or a file, use "
                         "'vitrine run --stdin -'");
    }
    job.has_terminal = true;
    job.stdin_path.assign(1, '-');  // GCC 12 warns of a plain "-" here.
    job.environment.insert(job.environment.begin(), {"TERM", kind_of_terminal()});
}

Source shell_program() {
    return {"<shell>", kShellProgram};
}

void announce_shell(RunRequest& request) {
    request.on_confined = [&request](const Isolation& isolation) {
        const Log log(request.voice.level, request.voice.format);
        tell_banner(log, request.job, isolation);
    };
}

}  // namespace vitrine::cli
