#include "python/runner.h"

#include <signal.h>
#include <sys/time.h>

#include <algorithm>
#include <memory>

#include "base/clock.h"
#include "base/error.h"
#include "base/frame.h"
#include "python/claims.h"
#include "python/ending.h"
#include "python/failure.h"
#include "python/gate.h"
#include "python/guard.h"
#include "python/job_module.h"
#include "python/site_builtins.h"
#include "python/source_check.h"
#include "python/validator.h"
#include "python/value.h"

namespace vitrine::python {

namespace {

constexpr long kCheckSeconds = 10;
constexpr int kSignalBase = 128;

/// A little of what most programs do.
constexpr const char* kRehearsal = R"(
class Point:
    def __init__(self, x, y=1):
        self.x, self.y = x, y

def work(numbers):
    total = sum(number * 0.5 for number in numbers if number > 1)
    return f"{total:.2f} {[str(number) for number in numbers]}"

try:
    work([Point(i).x for i in range(3)])
except ValueError:
    pass
)";
constexpr std::uint32_t kAmple = 10000;

std::int64_t now_ns() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch())
        .count();
}

bool has_errors(const std::vector<Finding>& findings) {
    return std::ranges::any_of(
        findings, [](const Finding& finding) { return finding.severity == Severity::kError; });
}

/// sys.argv[0]: what python3 calls a source that is no file.
std::string_view name_in_argv(std::string_view source_name) {
    if (source_name == "<string>") return "-c";
    return source_name == "<stdin>" ? "-" : source_name;
}

/// One program on its way through one interpreter.
class Run {
  public:
    Run(const Interpreter& interpreter, const Program& program, Guard* guard, int report_fd,
        int gate_fd)
        : api_(interpreter.api()),
          interpreter_(interpreter),
          program_(program),
          policy_(guard != nullptr ? guard->policy : program.policy),
          source_(&program.source),
          report_fd_(report_fd),
          gate_fd_(gate_fd),
          job_module_{.api = &api_, .report_fd = report_fd},
          globals_(api_, nullptr),
          guard_(guard) {}

    /// Checks many sources and runs none. Whoever dies over one of them has said which.
    int check() {
        for (std::size_t i = 0; i < program_.checks.size(); ++i) {
            CheckedSource checked{.index = i, .findings = {}};
            report(ClaimKind::kChecking, checked);
            limit_check_time();
            source_ = &program_.checks[i];
            (void)accept(checked.findings);
            api_.PyErr_Clear();
            report(ClaimKind::kChecked, checked);
        }
        return 0;
    }

    int run() {
        const std::int64_t started_ns = now_ns();
        prepare_interpreter();
        std::vector<Finding> findings;
        Ref code = accept(findings);
        if (!findings.empty()) report(ClaimKind::kFindings, findings);
        if (!code) return end_refused();
        Ref arguments = entry_arguments();
        if (policy_.enabled) guard_program();
        report(ClaimKind::kAccepted, Accepted{.python_version = interpreter_.version(),
                                              .started_ns = started_ns,
                                              .accepted_ns = now_ns(),
                                              .is_held = gate_fd_ >= 0});
        // As late as can be: a tracer that attaches here sees the program, and nothing of ours.
        if (gate_fd_ >= 0) pass_gate(gate_fd_);
        // From here on, whatever happens in this process may be the job's doing.
        const int exit_code = execute(std::move(code), std::move(arguments));
        return finish(exit_code);
    }

    void rehearse() {
        prepare_interpreter();
        const Ref tree = parse();
        require(static_cast<bool>(tree), "rehearsing");
        // By a policy that refuses all of it.
        (void)validate(api_, tree.get(), source_->bytes, program_.policy);
        if (guard_ != nullptr) guard_program();
        const Ref code = compile(tree.get(), 0);
        require(static_cast<bool>(code), "rehearsing");
        const Ref done(api_, api_.PyEval_EvalCode(code.get(), globals_.get(), globals_.get()));
        // A policy may refuse what it uses: then this was all of it.
        require(done || guard_ != nullptr, "rehearsing");
        api_.PyErr_Clear();
        drop_main(api_, std::move(globals_));
    }

  private:
    void report(ClaimKind kind, const auto& claim) const {
        write_frame(report_fd_, static_cast<std::uint32_t>(kind), encode(claim));
    }

    void require(bool succeeded, const char* doing) const {
        if (!succeeded) throw Error(concat(doing, ": ", take_error(api_)));
    }

    /// sys.argv, the vitrine module, and a __main__ whose source tracebacks can show.
    void prepare_interpreter() {
        install_job_module(job_module_);
        bind_site_builtins(api_, program_.source.bytes);
        const Ref argv(api_, api_.PyList_New(0));
        append_text(argv.get(), name_in_argv(program_.source.name));
        for (const std::string& argument : program_.arguments)
            append_text(argv.get(), argument);
        require(api_.PySys_SetObject("argv", argv.get()) == 0, "setting sys.argv");
        make_main();
        show_source_to_tracebacks(api_, globals_.get(), program_.source);
    }

    /// CPython's own __main__ was frozen with its heap, and what no collection looks at is never
    /// destroyed.
    void make_main() {
        const Ref main(api_, api_.PyModule_New("__main__"));
        const Ref builtins(api_, api_.PyImport_ImportModule("builtins"));
        const Ref annotations(api_, api_.PyDict_New());
        const Ref file = text(program_.source.name);
        require(main && builtins && annotations && file &&
                    api_.PyObject_SetAttrString(main.get(), "__builtins__", builtins.get()) == 0 &&
                    api_.PyObject_SetAttrString(main.get(), "__annotations__", annotations.get()) ==
                        0 &&
                    api_.PyObject_SetAttrString(main.get(), "__file__", file.get()) == 0 &&
                    api_.PyDict_SetItemString(api_.PyImport_GetModuleDict(), "__main__",
                                              main.get()) == 0,
                "making __main__");
        PyObject* globals = api_.PyModule_GetDict(main.get());
        api_.Py_IncRef(globals);
        globals_ = Ref(api_, globals);
    }

    void guard_program() {
        // Not destroyed: what it made can be called to the end of the process.
        if (guard_ == nullptr) guard_ = make_guard(api_, policy_).release();
        install_guard(*guard_, globals_.get());
    }

    Ref text(std::string_view bytes) const {
        return {api_, api_.PyUnicode_DecodeUTF8(bytes.data(), static_cast<Py_ssize_t>(bytes.size()),
                                                "surrogateescape")};
    }

    void append_text(PyObject* list, std::string_view bytes) const {
        const Ref item = text(bytes);
        require(item && api_.PyList_Append(list, item.get()) == 0, "setting sys.argv");
    }

    /// The compiled program; null when it was refused, and then either there are findings or a
    /// Python exception is pending.
    Ref accept(std::vector<Finding>& findings) {
        if (policy_.enabled) findings = check_source(source_->bytes, policy_);
        if (has_errors(findings)) return {api_, nullptr};
        // Unvalidated source needs no tree, and a tree of objects has no room for as much nesting.
        const Ref tree = policy_.enabled ? parse() : source_bytes();
        if (!tree) return refuse_unparsable(findings);
        if (policy_.enabled) {
            std::ranges::move(validate(api_, tree.get(), source_->bytes, policy_),
                              std::back_inserter(findings));
            if (has_errors(findings)) return {api_, nullptr};
        }
        Ref code = compile(tree.get(), 0);
        if (!code) return refuse_unparsable(findings);
        return code;
    }

    Ref parse() const { return compile(source_bytes().get(), PyCF_ONLY_AST); }

    Ref source_bytes() const {
        Ref bytes(api_, api_.PyBytes_FromStringAndSize(
                            source_->bytes.data(), static_cast<Py_ssize_t>(source_->bytes.size())));
        require(static_cast<bool>(bytes), "reading the source");
        return bytes;
    }

    /// builtins.compile: the one entry that takes bytes with a coding cookie as well as a tree.
    Ref compile(PyObject* source, int flags) const {
        const Ref builtins(api_, api_.PyImport_ImportModule("builtins"));
        const Ref name = text(source_->name);
        return {api_, api_.PyObject_CallMethod(builtins.get(), "compile", "OOsii", source,
                                               name.get(), "exec", flags, 1)};
    }

    Ref refuse_unparsable(std::vector<Finding>& findings) {
        if (policy_.enabled) findings.push_back(finding_from_syntax_error(api_));
        return {api_, nullptr};
    }

    int end_refused() {
        if (policy_.enabled) return kRefusedExit;
        // Without a validator a syntax error is the program's own failure, as under python3.
        report(ClaimKind::kAccepted, Accepted{.python_version = interpreter_.version()});
        return finish(fail());
    }

    /// The default action of SIGALRM ends a process that has hung.
    void limit_check_time() const {
        const itimerval patience{.it_interval = {},
                                 .it_value = {.tv_sec = kCheckSeconds, .tv_usec = 0}};
        ::vitrine::check(::setitimer(ITIMER_REAL, &patience, nullptr), "limiting a check",
                         "setitimer");
    }

    Ref entry_arguments() const {
        if (!program_.entry) return {api_, nullptr};
        Ref arguments = from_json(api_, program_.entry->arguments_json);
        require(static_cast<bool>(arguments), "reading --args");
        return arguments;
    }

    int execute(const Ref code, const Ref entry_arguments) {
        const Ref done(api_, api_.PyEval_EvalCode(code.get(), globals_.get(), globals_.get()));
        if (!done) return fail();
        return program_.entry ? call_entry(entry_arguments.get()) : 0;
    }

    int call_entry(PyObject* arguments) {
        const std::string& name = program_.entry->function;
        PyObject* function = api_.PyDict_GetItemString(globals_.get(), name.c_str());
        if (function == nullptr || api_.PyCallable_Check(function) == 0) {
            api_.PyErr_SetString(
                *api_.PyExc_TypeError,
                concat("the script defines no function '", name, "' (--entry)").c_str());
            return fail();
        }
        const bool by_name = (Py_TYPE(arguments)->tp_flags & Py_TPFLAGS_DICT_SUBCLASS) != 0;
        const Ref positional(api_,
                             by_name ? api_.PyTuple_New(0) : api_.PySequence_Tuple(arguments));
        const Ref value(api_, !positional ? nullptr
                                          : api_.PyObject_Call(function, positional.get(),
                                                               by_name ? arguments : nullptr));
        if (!value) return fail();
        hand_back(value.get());
        return 0;
    }

    void hand_back(PyObject* value) {
        try {
            report(ClaimKind::kValue, to_json(api_, value));
        } catch (const Error& error) {
            report(
                ClaimKind::kValue,
                ValueClaim{.json = "null",
                           .notes = {concat("the return value has no JSON form: ", error.what())}});
        }
    }

    /// Deals with the pending exception as python3 does at top level.
    int fail() {
        const Outcome outcome = handle_uncaught(api_);
        if (outcome.claim) report(ClaimKind::kException, *outcome.claim);
        was_interrupted_ = outcome.was_interrupted;
        return outcome.exit_code;
    }

    int finish(int exit_code) {
        const int ended = end_program(api_, std::move(globals_), exit_code);
        return was_interrupted_ ? die_of_interrupt() : ended;
    }

    /// As python3 does: whoever waits is to see that the program did not catch it.
    static int die_of_interrupt() {
        (void)::signal(SIGINT, SIG_DFL);
        (void)::raise(SIGINT);
        return kSignalBase + SIGINT;  // SIGINT is blocked.
    }

    const Api& api_;
    const Interpreter& interpreter_;
    const Program& program_;
    const Policy& policy_;
    const Source* source_;  // The one being looked at.
    int report_fd_;
    int gate_fd_;  // -1: it is not held.
    JobModule job_module_;
    Ref globals_;   // Of __main__; the program can delete the module.
    Guard* guard_;  // Null: there is none yet, or none at all.
    bool was_interrupted_ = false;
};

/// Not on the stack: vitrine.result() of the job points into it until the process ends.
Run& keep_run(const Interpreter& interpreter, const Program& program, Guard* guard, int report_fd,
              int gate_fd) {
    return *std::make_unique<Run>(interpreter, program, guard, report_fd, gate_fd).release();
}

}  // namespace

int run_program(const Interpreter& interpreter, const Program& program, int report_fd, int gate_fd,
                Guard* guard) {
    Run& run = keep_run(interpreter, program, guard, report_fd, gate_fd);
    return program.checks.empty() ? run.run() : run.check();
}

void rehearse(const Interpreter& interpreter, Guard* guard) {
    Program program;
    program.source = {.name = "<rehearsal>", .bytes = kRehearsal};
    program.policy.enabled = true;
    program.policy.max_source_bytes = kAmple;
    program.policy.max_depth = kAmple;
    program.policy.max_nodes = kAmple;
    constexpr int kNobody = -1;
    keep_run(interpreter, program, guard, kNobody, kNobody).rehearse();
}

}  // namespace vitrine::python
