// The program a zygote runs: nothing but the launch sequence with CPython as its guest.
//
// A program of its own, so that what becomes a payload has never held the supervisor's heap,
// environment or arguments, and so that it starts fast: it links neither JSON nor libseccomp.

#include <unistd.h>

#include <optional>
#include <utility>

#include "base/frame.h"
#include "python/interpreter.h"
#include "python/program.h"
#include "python/runner.h"
#include "python/warm.h"
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

    void expect(std::string_view common) override {
        policy_ = vitrine::python::decode_policy(common);
    }

    void set_environment(
        const std::vector<std::pair<std::string, std::string>>& environment) override {
        interpreter_->set_environment(environment);
    }

    int run(std::string_view program, int report_fd, int gate_fd) noexcept override {
        try {
            return vitrine::python::run_program(
                *interpreter_, vitrine::python::decode_program(program, std::move(policy_)),
                report_fd, gate_fd);
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
    vitrine::python::Policy policy_;
};

}  // namespace

int main() {
    PythonGuest guest;
    try {
        vitrine::sandbox::run_zygote(vitrine::UniqueFd(vitrine::sandbox::kControlFd), guest);
    } catch (...) {
        ::_exit(kGuestFailedExit);
    }
    ::_exit(0);
}
