#include "python/warm.h"

#include <array>
#include <utility>

#include "base/error.h"
#include "base/wire.h"
#include "python/fresh_heap.h"
#include "python/runner.h"

namespace vitrine::python {

namespace {

constexpr std::array kThreadVariables{"OMP_NUM_THREADS",     "OPENBLAS_NUM_THREADS",
                                      "MKL_NUM_THREADS",     "BLIS_NUM_THREADS",
                                      "NUMEXPR_NUM_THREADS", "NUMEXPR_MAX_THREADS"};

/// `random` itself is renewed by CPython, which it asks to be. What it calls is looked up before
/// a policy disarms it.
constexpr const char* kRenewal = R"(
def prepare(modules):
    tempfile = modules.get("tempfile")
    seed = modules["numpy.random"].seed if "numpy.random" in modules else None
    current_process = urandom = None
    if "multiprocessing.process" in modules:
        current_process = modules["multiprocessing.process"].current_process
        urandom = modules["os"].urandom
    def renew():
        if tempfile:
            tempfile._name_sequence = None
        if seed:
            seed()
        if current_process:
            current_process().authkey = urandom(32)
    return renew
renew = prepare(__import__("sys").modules)
)";

void require(const Api& api, bool succeeded, std::string_view doing) {
    if (!succeeded) throw Error(concat(doing, ": ", take_error(api)));
}

void import_modules(const Api& api, const std::vector<std::string>& names) {
    for (const std::string& name : names) {
        const Ref module(api, api.PyImport_ImportModule(name.c_str()));
        require(api, static_cast<bool>(module), concat("preloading '", name, "'"));
    }
}

/// Runs `source` in a new namespace that has built-ins; returns that.
Ref run_source(const Api& api, const std::string& source, const char* name, PyObject* globals) {
    const Ref builtins(api, api.PyImport_ImportModule("builtins"));
    const Ref code(api,
                   api.Py_CompileStringExFlags(source.c_str(), name, Py_file_input, nullptr, -1));
    const bool is_ready =
        code && builtins && api.PyDict_SetItemString(globals, "__builtins__", builtins.get()) == 0;
    return {api, is_ready ? api.PyEval_EvalCode(code.get(), globals, globals) : nullptr};
}

/// Programs can import the module `preload`.
void run_script(const Api& api, const std::string& source) {
    if (source.empty()) return;
    if (source.find('\0') != std::string::npos) throw Error("the preload script holds a null byte");
    const Ref module(api, api.PyModule_New("preload"));
    require(api,
            module && api.PyDict_SetItemString(api.PyImport_GetModuleDict(), "preload",
                                               module.get()) == 0,
            "making the module 'preload'");
    const Ref done = run_source(api, source, "<preload>", api.PyModule_GetDict(module.get()));
    require(api, static_cast<bool>(done), "running the preload script");
}

Ref make_renewal(const Api& api) {
    const Ref globals(api, api.PyDict_New());
    const Ref done = run_source(api, kRenewal, "<renewal>", globals.get());
    PyObject* renew = !done ? nullptr : api.PyDict_GetItemString(globals.get(), "renew");
    require(api, renew != nullptr, "preparing to renew random states");
    api.Py_IncRef(renew);
    return {api, renew};
}

}  // namespace

std::string encode(const Preload& preload) {
    WireWriter writer;
    writer.put_all(preload.modules);
    writer.put(preload.script);
    write(writer, preload.policy);
    writer.put(preload.programs_bring_policies);
    return writer.text();
}

Preload decode_preload(std::string_view bytes) {
    WireReader reader(std::as_bytes(std::span(bytes)));
    Preload preload;
    preload.modules = reader.get_strings();
    preload.script = reader.get_string();
    preload.policy = read_policy(reader);
    preload.programs_bring_policies = reader.get<bool>();
    return preload;
}

WarmHeap::WarmHeap(Interpreter& interpreter, Preload preload)
    : interpreter_(interpreter), preload_(std::move(preload)), renew_(interpreter.api(), nullptr) {
    const Api& api = interpreter.api();
    std::vector<std::pair<std::string, std::string>> one_thread;
    for (const char* name : kThreadVariables)
        one_thread.emplace_back(name, "1");
    interpreter.set_environment(one_thread);
    import_modules(api, preload_.modules);
    run_script(api, preload_.script);
    renew_ = make_renewal(api);
    if (preload_.policy.enabled) guard_ = make_guard(api, preload_.policy);
    rehearse(interpreter, guard_.get());
    if (preload_.programs_bring_policies && guard_ && !guard_->prepared.empty()) {
        throw Error("the policy disarms what every interpreter has, and not every program is its");
    }
    interpreter.set_environment({});
    (void)api.PyGC_Collect();
    freeze_heap(api);
    if (interpreter.arenas() != nullptr) take_free_places(api, *interpreter.arenas());
}

void WarmHeap::come_of_age(bool is_awaited) const {
    const Api& api = interpreter_.api();
    api.PyOS_AfterFork_Child();
    const Ref done(api, api.PyObject_CallNoArgs(renew_.get()));
    require(api, static_cast<bool>(done), "renewing random states");
    if (!is_awaited) rehearse(interpreter_, guard_.get());
}

}  // namespace vitrine::python
