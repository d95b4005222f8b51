// The program a zygote runs: nothing but the launch sequence, with CPython or a command of the
// rootfs as its guest.
//
// A program of its own, so that what becomes a payload has never held the supervisor's heap,
// environment or arguments, and so that it starts fast: it links neither JSON nor libseccomp.

#include <unistd.h>

#include <memory>
#include <optional>
#include <utility>

#include "base/frame.h"
#include "python/interpreter.h"
#include "python/program.h"
#include "python/runner.h"
#include "python/warm.h"
#include "runtime/command_guest.h"
#include "sandbox/guest.h"
#include "sandbox/launch.h"
#include "sandbox/report.h"

namespace {

using vitrine::sandbox::StartedFor;

constexpr int kGuestFailedExit = 125;

class PythonGuest final : public vitrine::sandbox::Guest {
  public:
    void start(std::string_view interpreter, StartedFor what) override {
        interpreter_ = vitrine::python::Interpreter::start(
            vitrine::python::decode_interpreter_spec(interpreter), life_of(what));
    }

    std::string describe(std::string_view interpreter) const override {
        return vitrine::python::fingerprint(vitrine::python::decode_interpreter_spec(interpreter));
    }

    void warm_up(std::string_view preload) override {
        warm_.emplace(*interpreter_, vitrine::python::decode_preload(preload));
    }

    void come_of_age(bool is_awaited) override { warm_->come_of_age(is_awaited); }

    void set_environment(
        const std::vector<std::pair<std::string, std::string>>& environment) override {
        interpreter_->set_environment(environment);
    }

    int run(std::string_view program, int report_fd, int gate_fd) noexcept override {
        try {
            const vitrine::python::Program decoded = vitrine::python::decode_program(program);
            return vitrine::python::run_program(*interpreter_, decoded, report_fd, gate_fd,
                                                warm_ ? warm_->guard_for(decoded.policy) : nullptr);
        } catch (...) {
            report_failure(report_fd);
            return kGuestFailedExit;
        }
    }

  private:
    static vitrine::python::Life life_of(StartedFor what) {
        using vitrine::python::Life;
        switch (what) {
            case StartedFor::kForks:
                return Life::kForked;
            case StartedFor::kSnapshot:
                return Life::kKept;
            case StartedFor::kOneProgram:
                break;
        }
        return Life::kOwn;
    }

    /// Heard only while no untrusted code has run.
    static void report_failure(int report_fd) noexcept {
        using namespace vitrine::sandbox;
        try {
            const Failure failure = failure_of_current_exception(Step::kStartProgram);
            vitrine::write_frame(report_fd, static_cast<std::uint32_t>(ReportKind::kFailure),
                                 encode(failure));
        } catch (...) {
            return;  // The exit code is all that can still be said.
        }
    }

    std::optional<vitrine::python::Interpreter> interpreter_;
    std::optional<vitrine::python::WarmHeap> warm_;
};

/// What kind of guest it is shows when it is started: a job without an interpreter is a command.
class AnyGuest final : public vitrine::sandbox::Guest {
  public:
    void start(std::string_view interpreter, StartedFor what) override {
        guest_ = guest_for(interpreter);
        guest_->start(interpreter, what);
    }
    std::string describe(std::string_view interpreter) const override {
        return guest_for(interpreter)->describe(interpreter);
    }
    void warm_up(std::string_view preload) override { guest_->warm_up(preload); }
    void come_of_age(bool is_awaited) override { guest_->come_of_age(is_awaited); }
    void set_environment(
        const std::vector<std::pair<std::string, std::string>>& environment) override {
        guest_->set_environment(environment);
    }
    int run(std::string_view program, int report_fd, int gate_fd) noexcept override {
        return guest_->run(program, report_fd, gate_fd);
    }

  private:
    static std::unique_ptr<vitrine::sandbox::Guest> guest_for(std::string_view interpreter) {
        if (interpreter.empty()) return std::make_unique<vitrine::runtime::CommandGuest>();
        return std::make_unique<PythonGuest>();
    }

    std::unique_ptr<vitrine::sandbox::Guest> guest_;
};

}  // namespace

int main() {
    // Not on the stack, which is no part of a snapshot.
    const auto guest = std::make_unique<AnyGuest>();
    try {
        vitrine::sandbox::run_zygote(vitrine::UniqueFd(vitrine::sandbox::kControlFd), *guest);
    } catch (...) {
        ::_exit(kGuestFailedExit);
    }
    ::_exit(0);
}
