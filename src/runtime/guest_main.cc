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

constexpr int kGuestFailedExit = 125;

class PythonGuest final : public vitrine::sandbox::Guest {
  public:
    void start(std::string_view interpreter, bool is_for_many) override {
        using vitrine::python::SymbolBinding;
        const auto spec = vitrine::python::decode_interpreter_spec(interpreter);
        interpreter_ = vitrine::python::Interpreter::start(
            spec, is_for_many ? SymbolBinding::kNow : SymbolBinding::kLazy);
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
            return vitrine::python::run_program(*interpreter_,
                                                vitrine::python::decode_program(program), report_fd,
                                                gate_fd, warm_ ? warm_->guard() : nullptr);
        } catch (...) {
            report_failure(report_fd);
            return kGuestFailedExit;
        }
    }

  private:
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
    void start(std::string_view interpreter, bool is_for_many) override {
        if (interpreter.empty()) {
            guest_ = std::make_unique<vitrine::runtime::CommandGuest>();
        } else {
            guest_ = std::make_unique<PythonGuest>();
        }
        guest_->start(interpreter, is_for_many);
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
    std::unique_ptr<vitrine::sandbox::Guest> guest_;
};

}  // namespace

int main() {
    AnyGuest guest;
    try {
        vitrine::sandbox::run_zygote(vitrine::UniqueFd(vitrine::sandbox::kControlFd), guest);
    } catch (...) {
        ::_exit(kGuestFailedExit);
    }
    ::_exit(0);
}
