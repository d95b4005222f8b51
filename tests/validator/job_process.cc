#include "validator/job_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/error.h"
#include "base/frame.h"
#include "kernel/process.h"
#include "python/claims.h"
#include "python/guard.h"
#include "python/runner.h"
#include "support/vitrine_program.h"

namespace vitrine::test {

namespace {

constexpr int kBrokenExit = 125;

/// A file rather than a pipe: nobody need read while the child runs.
UniqueFd make_output(const char* name) {
    return UniqueFd(check(::memfd_create(name, MFD_CLOEXEC), "making an output", "memfd_create"));
}

std::string content_of(const UniqueFd& output) {
    check(::lseek(output.get(), 0, SEEK_SET), "rewinding an output", "lseek");
    return read_all(output.get(), std::size_t{64} << 20);
}

struct Outputs {
    UniqueFd out = make_output("stdout");
    UniqueFd err = make_output("stderr");
    UniqueFd report = make_output("report");
};

[[noreturn]] void become_job(const auto& run, const Outputs& outputs, const JobBounds& bounds) {
    int exit_code = kBrokenExit;
    try {
        const rlimit file{bounds.max_output, bounds.max_output};
        const rlimit no_core{0, 0};
        (void)::setrlimit(RLIMIT_FSIZE, &file);
        (void)::setrlimit(RLIMIT_CORE, &no_core);
        const UniqueFd nothing = open_file("/dev/null", O_RDONLY);
        ::dup2(nothing.get(), 0);
        ::dup2(outputs.out.get(), 1);
        ::dup2(outputs.err.get(), 2);
        exit_code = run(outputs.report.get());
    } catch (...) {
        exit_code = kBrokenExit;
    }
    ::_exit(exit_code);
}

int end_of(const kernel::Cloned& child, std::chrono::seconds patience) {
    pollfd event{child.pidfd.get(), POLLIN, 0};
    const auto timeout = std::chrono::milliseconds(patience * time_scale());
    if (::poll(&event, 1, static_cast<int>(timeout.count())) == 0) {
        kernel::send_signal(child.pidfd.get(), SIGKILL);
    }
    const kernel::Ended ended = kernel::wait_for(child.pidfd.get());
    return ended.by_signal ? 128 + ended.code : ended.code;
}

void take_report(const std::string& report, JobOutcome& outcome) {
    FrameReader reader(python::kMaxClaimBytes + 65536);
    reader.feed(std::as_bytes(std::span(report)));
    while (const auto frame = reader.next()) {
        if (outcome.accepted) break;  // What follows is the program's own claim.
        switch (static_cast<python::ClaimKind>(frame->kind)) {
            case python::ClaimKind::kFindings:
                outcome.findings = python::decode_findings(frame->bytes);
                break;
            case python::ClaimKind::kAccepted:
                outcome.accepted = true;
                break;
            default:
                break;
        }
    }
}

JobOutcome run_in_child(const auto& run, const JobBounds& bounds) {
    const Outputs outputs;
    std::fflush(nullptr);  // Else the child writes what waits here a second time.
    const kernel::Cloned child = kernel::clone_process({.exit_signal = SIGCHLD});
    if (child.pid == 0) become_job(run, outputs, bounds);
    JobOutcome outcome;
    outcome.exit_code = end_of(child, bounds.patience);
    outcome.out = content_of(outputs.out);
    outcome.err = content_of(outputs.err);
    take_report(content_of(outputs.report), outcome);
    return outcome;
}

/// As the runner does, without the walk before it.
int run_unwalked(const python::Interpreter& interpreter, const python::Program& program) {
    const python::Api& api = interpreter.api();
    // Not on the stack: the guard outlives the program.
    auto& guard = *python::make_guard(api, program.policy).release();
    const python::Ref globals(api, api.PyDict_New());
    const python::Ref name(api, api.PyUnicode_FromString("__main__"));
    (void)api.PyDict_SetItemString(globals.get(), "__name__", name.get());
    python::install_guard(guard, globals.get());
    const python::Ref code(api, api.Py_CompileStringExFlags(program.source.bytes.c_str(), "main",
                                                            Py_file_input, nullptr, -1));
    const python::Ref done(
        api, code ? api.PyEval_EvalCode(code.get(), globals.get(), globals.get()) : nullptr);
    if (!done) api.PyErr_PrintEx(0);
    const python::Ref out(api, api.PyObject_CallMethod(api.PySys_GetObject("stdout"), "flush", ""));
    return done ? 0 : 1;
}

}  // namespace

JobOutcome run_job(const python::Interpreter& interpreter, const python::Program& program,
                   const JobBounds& bounds) {
    return run_in_child(
        [&](int report_fd) { return python::run_program(interpreter, program, report_fd); },
        bounds);
}

JobOutcome run_guarded(const python::Interpreter& interpreter, const python::Program& program) {
    return run_in_child([&](int /*report_fd*/) { return run_unwalked(interpreter, program); }, {});
}

std::string described(const std::vector<Finding>& findings) {
    std::string text;
    for (const Finding& finding : findings) {
        text += concat(finding.line, ":", finding.column, " ", finding.rule, ": ", finding.message,
                       "\n");
    }
    return text;
}

}  // namespace vitrine::test
