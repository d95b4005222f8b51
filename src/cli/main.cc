// vitrine: one verb a file; this one only chooses.

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <exception>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "base/log.h"
#include "cli/batch.h"
#include "cli/check.h"
#include "cli/doctor.h"
#include "cli/profile.h"
#include "cli/rootfs.h"
#include "cli/run.h"
#include "cli/selftest.h"
#include "cli/suggest.h"
#include "cli/supervise.h"

namespace {

using Words = std::span<const std::string>;

constexpr int kUsageExit = 125;

constexpr std::string_view kHelp =
    R"(Vitrine runs untrusted Python in a sandbox of its own, without Docker.

Usage: vitrine VERB [FLAGS] ...

  run SCRIPT.py [ARGS]     run one program
  batch JOBS.jsonl|DIR|-   run many, several at a time; results as JSON lines
  check FILE...            say what the policy refuses in programs, without running them
  rootfs build|import|...  the read-only roots that programs run in: make, import, show, verify
  profile show|explain|... seccomp profiles: what they say and do
  doctor                   say whether programs can be run here; if not, why and what to do
  selftest                 attack every layer on this host, and say whether it holds
  --version                print the version

'vitrine VERB --help' tells more.

Examples:
  vitrine run -c 'print(6 * 7)'
  vitrine run --timeout 2s --memory 256m --result - script.py
  vitrine batch jobs.jsonl -o results.jsonl --report report.html
)";

struct Verb {
    const char* name;
    int (*command)(Words);
};

constexpr std::array<Verb, 7> kVerbs{{{"run", &vitrine::cli::run_command},
                                      {"batch", &vitrine::cli::batch_command},
                                      {"check", &vitrine::cli::check_command},
                                      {"rootfs", &vitrine::cli::rootfs_command},
                                      {"profile", &vitrine::cli::profile_command},
                                      {"doctor", &vitrine::cli::doctor_command},
                                      {"selftest", &vitrine::cli::selftest_command}}};

/// For libvitrine, not for people.
constexpr Verb kSupervise{"supervise", &vitrine::cli::supervise_command};

void say(int fd, std::string_view text) {
    vitrine::write_all(fd, text);
}

int refuse_verb(const std::string& verb) {
    std::vector<std::string> names;
    for (const Verb& known : kVerbs)
        names.emplace_back(known.name);
    const std::string near = vitrine::cli::nearest(verb, names);
    say(STDERR_FILENO, vitrine::concat("vitrine: unknown verb '", verb, "'\nvitrine: hint: ",
                                       near.empty() ? "'vitrine --help' lists them"
                                                    : vitrine::concat("did you mean '", near, "'?"),
                                       "\n"));
    return kUsageExit;
}

/// A standard stream that is closed stays one that fails: no file of ours may get its number and,
/// with it, what is written there.
void reserve_standard_descriptors() {
    int fd = 0;
    do {
        fd = ::open("/dev/null", O_PATH);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd > STDERR_FILENO) (void)::close(fd);
}

/// What a verb throws is wrong usage, or keeps it from doing anything at all.
int run_verb(const Verb& verb, Words words) {
    try {
        return verb.command(words);
    } catch (const vitrine::Error& error) {
        const vitrine::Log log(vitrine::LogLevel::kInfo, vitrine::LogFormat::kText);
        log.error(vitrine::concat(verb.name, ": ", error.what()));
        if (!error.hint().empty()) log.error(vitrine::concat("hint: ", error.hint()));
        return kUsageExit;
    }
}

int dispatch(Words words) {
    if (words.empty()) {
        say(STDERR_FILENO, kHelp);
        return kUsageExit;
    }
    if (words[0] == "--help" || words[0] == "-h" || words[0] == "help") {
        say(STDOUT_FILENO, kHelp);
        return 0;
    }
    if (words[0] == "--version") {
        say(STDOUT_FILENO, "vitrine " VITRINE_VERSION "\n");
        return 0;
    }
    for (const Verb& verb : kVerbs) {
        if (words[0] == verb.name) return run_verb(verb, words.subspan(1));
    }
    if (words[0] == kSupervise.name) return run_verb(kSupervise, words.subspan(1));
    return refuse_verb(words[0]);
}

}  // namespace

int main(int argc, char** argv) {
    // Whoever reads our output may leave; that is no reason to leave a job behind.
    (void)::signal(SIGPIPE, SIG_IGN);
    // A caller that ignores its children must not make ours vanish.
    (void)::signal(SIGCHLD, SIG_DFL);
    reserve_standard_descriptors();
    try {
        const std::vector<std::string> words(argv + 1, argv + argc);
        return dispatch(words);
    } catch (const std::exception& error) {
        const std::string line = vitrine::concat("vitrine: ", error.what(), "\n");
        (void)!::write(STDERR_FILENO, line.data(), line.size());
        return kUsageExit;
    }
}
