#include "runtime/signals.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/error.h"

namespace vitrine::runtime {

namespace {

constexpr std::array kEndSignals{SIGINT, SIGTERM, SIGHUP, SIGQUIT};

bool is_ignored(int signal) {
    struct sigaction current{};
    return ::sigaction(signal, nullptr, &current) == 0 && current.sa_handler == SIG_IGN;
}

}  // namespace

bool is_end_signal(int signal) {
    return std::ranges::find(kEndSignals, signal) != kEndSignals.end();
}

EndSignals::EndSignals(const std::vector<int>& also) {
    sigset_t watched;
    sigemptyset(&watched);
    for (const int signal : also)
        sigaddset(&watched, signal);
    for (const int signal : kEndSignals) {
        if (!is_ignored(signal)) sigaddset(&watched, signal);
    }
    check(::sigprocmask(SIG_BLOCK, &watched, &before_), "watching for signals", "sigprocmask");
    fd_ = UniqueFd(check(::signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK),
                         "watching for signals", "signalfd"));
}

EndSignals::~EndSignals() {
    (void)::sigprocmask(SIG_SETMASK, &before_, nullptr);
}

int EndSignals::take() const {
    signalfd_siginfo info{};
    if (::read(fd_.get(), &info, sizeof info) != static_cast<ssize_t>(sizeof info)) return 0;
    return static_cast<int>(info.ssi_signo);
}

}  // namespace vitrine::runtime
