#include "python/ending.h"

#include <array>

namespace vitrine::python {

namespace {

constexpr int kFlushFailedExit = 120;  // CPython's own code for it.

void call_if_loaded(const Api& api, const char* module_name, const char* function) {
    PyObject* module = api.PyDict_GetItemString(api.PyImport_GetModuleDict(), module_name);
    if (module == nullptr) return;
    const Ref done(api, api.PyObject_CallMethod(module, function, nullptr));
    if (!done) api.PyErr_WriteUnraisable(module);
}

bool is_closed(const Api& api, PyObject* stream) {
    const Ref closed(api, api.PyObject_GetAttrString(stream, "closed"));
    const bool is_true = closed && api.PyObject_IsTrue(closed.get()) == 1;
    api.PyErr_Clear();
    return is_true;
}

/// Owned: what flushes it may put another in its place. None when there is no such stream.
Ref stream_of(const Api& api, const char* name) {
    PyObject* borrowed = api.PySys_GetObject(name);
    PyObject* stream = borrowed != nullptr ? borrowed : api._Py_NoneStruct;
    api.Py_IncRef(stream);
    return {api, stream};
}

/// True when there is nothing to flush, too. On failure an exception is pending.
bool flush(const Api& api, const Ref& stream) {
    if (stream.get() == api._Py_NoneStruct || is_closed(api, stream.get())) return true;
    const Ref done(api, api.PyObject_CallMethod(stream.get(), "flush", nullptr));
    return static_cast<bool>(done);
}

/// False when something could not be flushed; what of stdout is told.
bool flush_streams(const Api& api) {
    const Ref stdout_stream = stream_of(api, "stdout");
    const bool out = flush(api, stdout_stream);
    if (!out) api.PyErr_WriteUnraisable(stdout_stream.get());
    const bool err = flush(api, stream_of(api, "stderr"));
    api.PyErr_Clear();
    return out && err;
}

/// What destructors printed. By now nobody can be told, nor does python3 tell.
void flush_the_rest(const Api& api) {
    for (const char* name : {"stdout", "stderr"}) {
        (void)flush(api, stream_of(api, name));
        api.PyErr_Clear();
    }
}

/// A destructor prints to where the process prints, not to what the program put in its place.
void restore_streams(const Api& api) {
    constexpr std::array<std::pair<const char*, const char*>, 3> kStreams = {
        {{"stdin", "__stdin__"}, {"stdout", "__stdout__"}, {"stderr", "__stderr__"}}};
    for (const auto& [name, original] : kStreams) {
        PyObject* stream = api.PySys_GetObject(original);
        (void)api.PySys_SetObject(name, stream != nullptr ? stream : api._Py_NoneStruct);
    }
}

bool has_other_threads(const Api& api) {
    PyThreadState* first = api.PyInterpreterState_ThreadHead(api.PyInterpreterState_Get());
    return api.PyThreadState_Next(first) != nullptr;
}

/// Lets go of `__main__` and collects it with its globals intact, so that destructors and the
/// `finally` of suspended generators find every name they use. True when it is gone.
bool destroy_main(const Api& api, Ref globals) {
    // A dict cannot be watched; its loader, which nothing else refers to, can.
    PyObject* loader = api.PyDict_GetItemString(globals.get(), "__loader__");
    const Ref watch(api, loader == nullptr ? nullptr : api.PyWeakref_NewRef(loader, nullptr));
    api.PyErr_Clear();
    globals = Ref(api, nullptr);
    if (api.PyDict_DelItemString(api.PyImport_GetModuleDict(), "__main__") != 0) {
        api.PyErr_Clear();
    }
    if (api.PyGC_Enable != nullptr) (void)api.PyGC_Enable();
    (void)api.PyGC_Collect();
    return !watch || api.PyWeakref_GetObject(watch.get()) == api._Py_NoneStruct;
}

}  // namespace

void drop_main(const Api& api, Ref globals) {
    (void)flush_streams(api);
    (void)destroy_main(api, std::move(globals));
}

int end_program(const Api& api, Ref globals, int exit_code) {
    call_if_loaded(api, "threading", "_shutdown");
    call_if_loaded(api, "atexit", "_run_exitfuncs");
    // Finalising costs milliseconds, and most programs cannot tell. It is the one way to keep
    // daemon threads from running on, so what they use must not be destroyed before.
    if (has_other_threads(api)) {
        globals = Ref(api, nullptr);
        return api.Py_FinalizeEx() < 0 ? kFlushFailedExit : exit_code;
    }
    const bool flushed = flush_streams(api);
    restore_streams(api);
    // A signal handler, a cache or another module may hold on to functions of __main__ and with
    // them to all of it: only the end of those ends it.
    if (destroy_main(api, std::move(globals))) {
        flush_the_rest(api);
    } else if (api.Py_FinalizeEx() < 0) {
        return kFlushFailedExit;
    }
    return flushed ? exit_code : kFlushFailedExit;
}

}  // namespace vitrine::python
