#include "python/failure.h"

#include <cstdio>

#include "base/error.h"

namespace vitrine::python {

namespace {

constexpr std::size_t kMaxText = 4096;

struct Pending {
    Ref type;
    Ref value;
    Ref traceback;
};

Pending take_pending(const Api& api) {
    PyObject* type = nullptr;
    PyObject* value = nullptr;
    PyObject* traceback = nullptr;
    api.PyErr_Fetch(&type, &value, &traceback);
    api.PyErr_NormalizeException(&type, &value, &traceback);
    if (value != nullptr && traceback != nullptr) {
        (void)api.PyException_SetTraceback(value, traceback);
    }
    return {Ref(api, type), Ref(api, value), Ref(api, traceback)};
}

/// None is success, an integer is the code, anything else is printed and means 1.
int exit_code_of(const Api& api, PyObject* exit) {
    const Ref code(api, api.PyObject_GetAttrString(exit, "code"));
    if (!code || code.get() == api._Py_NoneStruct) return 0;
    if ((Py_TYPE(code.get())->tp_flags & Py_TPFLAGS_LONG_SUBCLASS) != 0) {
        const long value = api.PyLong_AsLong(code.get());
        api.PyErr_Clear();
        return static_cast<int>(value & 0xff);
    }
    PyObject* stream = api.PySys_GetObject("stderr");
    if (stream != nullptr && stream != api._Py_NoneStruct) {
        (void)api.PyFile_WriteObject(code.get(), stream, Py_PRINT_RAW);
        api.PyErr_Clear();
        (void)api.PyFile_WriteString("\n", stream);
    } else {
        (void)api.PyObject_Print(code.get(), ::stderr, Py_PRINT_RAW);
        (void)std::fputs("\n", ::stderr);
    }
    api.PyErr_Clear();
    return 1;
}

std::string attribute_text(const Api& api, PyObject* object, const char* name) {
    const Ref attribute(api, api.PyObject_GetAttrString(object, name));
    return to_text(api, attribute.get()).substr(0, kMaxText);
}

std::uint32_t line_of(const Api& api, PyObject* traceback_or_error, const char* name) {
    const Ref line(api, api.PyObject_GetAttrString(traceback_or_error, name));
    const long value = line ? api.PyLong_AsLong(line.get()) : 0;
    api.PyErr_Clear();
    return value > 0 ? static_cast<std::uint32_t>(value) : 0;
}

/// Where it was raised: the innermost frame.
void describe_place(const Api& api, PyObject* traceback, ExceptionClaim& claim) {
    if (traceback == nullptr) return;
    api.Py_IncRef(traceback);
    Ref innermost(api, traceback);
    for (;;) {
        Ref next(api, api.PyObject_GetAttrString(innermost.get(), "tb_next"));
        if (!next || next.get() == api._Py_NoneStruct) break;
        innermost = std::move(next);
    }
    claim.line = line_of(api, innermost.get(), "tb_lineno");
    const Ref frame(api, api.PyObject_GetAttrString(innermost.get(), "tb_frame"));
    const Ref code(api, frame ? api.PyObject_GetAttrString(frame.get(), "f_code") : nullptr);
    if (code) claim.file = attribute_text(api, code.get(), "co_filename");
    api.PyErr_Clear();
}

ExceptionClaim describe(const Api& api, const Pending& pending) {
    ExceptionClaim claim;
    claim.type = attribute_text(api, pending.type.get(), "__name__");
    const Ref text(api, api.PyObject_Str(pending.value.get()));
    claim.message = to_text(api, text.get()).substr(0, kMaxText);
    describe_place(api, pending.traceback.get(), claim);
    // A syntax error has no frame of its own; it knows its place itself.
    if (!pending.traceback &&
        api.PyErr_GivenExceptionMatches(pending.value.get(), *api.PyExc_SyntaxError) != 0) {
        claim.file = attribute_text(api, pending.value.get(), "filename");
        claim.line = line_of(api, pending.value.get(), "lineno");
    }
    api.PyErr_Clear();
    return claim;
}

bool program_set_a_hook(const Api& api) {
    return api.PySys_GetObject("excepthook") != api.PySys_GetObject("__excepthook__");
}

/// CPython's own way, which calls the program's hook and, should it fail, shows both errors.
void print_by_hook(const Api& api, const Pending& pending) {
    for (const Ref* part : {&pending.type, &pending.value, &pending.traceback}) {
        if (*part) api.Py_IncRef(part->get());
    }
    api.PyErr_Restore(pending.type.get(), pending.value.get(), pending.traceback.get());
    api.PyErr_PrintEx(1);
}

/// The traceback module shows lines and carets by way of `__loader__`; CPython's built-in printer
/// would look for a file.
void print(const Api& api, const Pending& pending) {
    if (program_set_a_hook(api)) {
        print_by_hook(api, pending);
        return;
    }
    PyObject* stream = api.PySys_GetObject("stderr");
    if (stream == api._Py_NoneStruct) return;  // Where the module would print to stdout.
    PyObject* traceback = pending.traceback ? pending.traceback.get() : api._Py_NoneStruct;
    const Ref module(api, stream == nullptr ? nullptr : api.PyImport_ImportModule("traceback"));
    const Ref printed(
        api, !module ? nullptr
                     : api.PyObject_CallMethod(module.get(), "print_exception", "OOO",
                                               pending.type.get(), pending.value.get(), traceback));
    if (printed) return;
    api.PyErr_Clear();
    api.PyErr_Display(pending.type.get(), pending.value.get(), traceback);
    api.PyErr_Clear();
}

}  // namespace

void show_source_to_tracebacks(const Api& api, PyObject* globals, const Source& source) {
    // linecache asks `__loader__.get_source(name)`, and only when a traceback is printed.
    const Ref loader(api, api.PyModule_New("vitrine.source"));
    const Ref text(
        api, api.PyUnicode_DecodeUTF8(source.bytes.data(),
                                      static_cast<Py_ssize_t>(source.bytes.size()), "replace"));
    // `{"__main__": text}.get` is a get_source without any code of ours behind it.
    const Ref texts(api, api.PyDict_New());
    if (!loader || !text || !texts ||
        api.PyDict_SetItemString(texts.get(), "__main__", text.get()) != 0) {
        throw Error(concat("keeping the source for tracebacks: ", take_error(api)));
    }
    const Ref get(api, api.PyObject_GetAttrString(texts.get(), "get"));
    if (!get || api.PyObject_SetAttrString(loader.get(), "get_source", get.get()) != 0 ||
        api.PyDict_SetItemString(globals, "__loader__", loader.get()) != 0) {
        throw Error(concat("keeping the source for tracebacks: ", take_error(api)));
    }
}

Outcome handle_uncaught(const Api& api) {
    const Pending pending = take_pending(api);
    if (!pending.value) return {};
    if (api.PyErr_GivenExceptionMatches(pending.value.get(), *api.PyExc_SystemExit) != 0) {
        return {.exit_code = exit_code_of(api, pending.value.get())};
    }
    Outcome outcome{.exit_code = 1,
                    .claim = describe(api, pending),
                    .was_interrupted = api.PyErr_GivenExceptionMatches(
                                           pending.value.get(), *api.PyExc_KeyboardInterrupt) != 0};
    print(api, pending);
    return outcome;
}

}  // namespace vitrine::python
