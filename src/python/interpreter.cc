#include "python/interpreter.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "base/error.h"
#include "base/fd.h"
#include "base/wire.h"
#include "python/config_layout.h"

namespace vitrine::python {

namespace {

void pre_initialize(const Api& api) {
    PyPreConfig config;
    api.PyPreConfig_InitIsolatedConfig(&config);
    config.utf8_mode = 1;
    config.configure_locale = 0;
    config.coerce_c_locale = 0;
    require(api, api.Py_PreInitialize(&config), "preparing CPython");
}

/// Every path is given, so that CPython searches for none.
void configure_paths(Config& config, const InterpreterSpec& spec) {
    const ConfigLayout& fields = config.layout();
    for (const std::size_t field :
         {fields.program_name, fields.executable, fields.base_executable}) {
        config.set(field, spec.prefix + "/bin/python3");
    }
    for (const std::size_t field : {fields.prefix, fields.base_prefix, fields.exec_prefix,
                                    fields.base_exec_prefix, fields.home}) {
        config.set(field, spec.prefix);
    }
    if (fields.stdlib_dir != 0) config.set(fields.stdlib_dir, spec.stdlib);
    config.set(fields.module_search_paths_set, 1);
    for (const std::string& path : spec.search_path)
        config.append(fields.module_search_paths, path);
}

/// Pipes in place of descriptors 0 to 2 for as long as it lives. Python asks once whether a stream
/// can be sought and would keep what /dev/null answers; the job's own come later.
class PipesForStreams {
  public:
    PipesForStreams() {
        const Pipe pipe = make_pipe();
        for (int fd = 0; fd <= 2; ++fd) {
            saved_.at(static_cast<std::size_t>(fd)) = UniqueFd(
                check(::fcntl(fd, F_DUPFD_CLOEXEC, 3), "keeping a standard stream", "fcntl"));
            put(fd == 0 ? pipe.read_end.get() : pipe.write_end.get(), fd);
        }
    }
    ~PipesForStreams() {
        for (int fd = 0; fd <= 2; ++fd)
            (void)::dup2(saved_.at(static_cast<std::size_t>(fd)).get(), fd);
    }
    PipesForStreams(const PipesForStreams&) = delete;
    PipesForStreams& operator=(const PipesForStreams&) = delete;

  private:
    static void put(int from, int to) {
        check(::dup2(from, to), "standing in for a standard stream", "dup2");
    }

    std::array<UniqueFd, 3> saved_;
};

void initialize(const Api& api, const InterpreterSpec& spec) {
    Config config(api);
    config.set(config.layout().site_import, 0);
    config.set(config.layout().write_bytecode, 0);
    config.set(config.layout().pathconfig_warnings, 0);
    config.set(config.layout().install_signal_handlers, 1);
    configure_paths(config, spec);
    const PipesForStreams pipes;
    require(api, api.Py_InitializeFromConfig(config.get()), "starting CPython");
}

void expect(const Api& api, bool succeeded, const char* doing) {
    if (!succeeded) throw Error(concat(doing, ": ", take_error(api)));
}

/// A job that is killed must not take the lines it already printed with it.
void flush_every_line(const Api& api) {
    PyObject* out = api.PySys_GetObject("stdout");
    const Ref reconfigure(api, api.PyObject_GetAttrString(out, "reconfigure"));
    const Ref none(api, api.PyTuple_New(0));
    const Ref keywords(api, api.Py_BuildValue("{s:i}", "line_buffering", 1));
    const Ref done(api, !reconfigure
                            ? nullptr
                            : api.PyObject_Call(reconfigure.get(), none.get(), keywords.get()));
    expect(api, static_cast<bool>(done), "setting up sys.stdout");
}

/// Of the standard library, what an interpreter reads when it starts, and where its bytecode is.
/// From 3.11 on most of these are in libpython.
constexpr auto kImportedAtStart = std::to_array<const char*>(
    {"__pycache__", "abc.py", "codecs.py", "encodings", "encodings/__init__.py",
     "encodings/__pycache__", "encodings/aliases.py", "encodings/utf_8.py", "io.py"});

/// The AST's types are made at the first parse: made here, they are not made under the filter
/// while a user waits.
void warm_parser(const Api& api) {
    PyCompilerFlags flags{};
    flags.cf_flags = PyCF_ONLY_AST;
    flags.cf_feature_version = api.minor;
    const Ref tree(api,
                   api.Py_CompileStringExFlags("pass\n", "<warm-up>", Py_file_input, &flags, -1));
    expect(api, static_cast<bool>(tree), "starting the parser");
}

}  // namespace

void freeze_heap(const Api& api) {
    const Ref gc(api, api.PyImport_ImportModule("gc"));
    const Ref done(api, !gc ? nullptr : api.PyObject_CallMethod(gc.get(), "freeze", nullptr));
    expect(api, static_cast<bool>(done), "freezing the heap");
}

std::string encode(const InterpreterSpec& spec) {
    WireWriter writer;
    writer.put(spec.libpython);
    writer.put_all(spec.libraries);
    writer.put(spec.prefix);
    writer.put(spec.stdlib);
    writer.put_all(spec.search_path);
    return writer.text();
}

InterpreterSpec decode_interpreter_spec(std::string_view bytes) {
    WireReader reader(std::as_bytes(std::span(bytes)));
    InterpreterSpec spec;
    spec.libpython = reader.get_string();
    spec.libraries = reader.get_strings();
    spec.prefix = reader.get_string();
    spec.stdlib = reader.get_string();
    spec.search_path = reader.get_strings();
    return spec;
}

std::string fingerprint(const InterpreterSpec& spec) {
    std::string text = encode(spec);
    const auto look_at = [&text](const std::string& path) {
        struct stat info{};
        const bool is_there = ::stat(path.c_str(), &info) == 0;
        text += is_there ? concat(" ", info.st_size, " ", info.st_mtim.tv_sec, ".",
                                  info.st_mtim.tv_nsec, " ", info.st_mode)
                         : std::string(" absent");
        return is_there ? info.st_ino : 0;
    };
    // The loader knows a library it has loaded by its inode: in a copy that may be another's.
    for (const std::string& path : spec.libraries)
        text += concat(" ", look_at(path));
    text += concat(" ", look_at(spec.libpython));
    for (const std::string& path : spec.search_path)
        (void)look_at(path);
    for (const char* name : kImportedAtStart)
        (void)look_at(concat(spec.stdlib, "/", name));
    return text;
}

Interpreter Interpreter::start(const InterpreterSpec& spec, Life life) {
    const SymbolBinding binding = life == Life::kOwn ? SymbolBinding::kLazy : SymbolBinding::kNow;
    Interpreter interpreter(Api::load(spec.libpython, spec.libraries, binding));
    const Api& api = interpreter.api_;
    if (life == Life::kForked) interpreter.arenas_ = std::make_unique<HugeArenas>(api);
    pre_initialize(api);
    initialize(api, spec);
    // There is no interpreter binary in the rootfs; CPython's word for that is an empty string.
    const Ref nothing(api, api.PyUnicode_FromString(""));
    (void)api.PySys_SetObject("executable", nothing.get());
    flush_every_line(api);
    warm_parser(api);
    freeze_heap(api);
    return interpreter;
}

void Interpreter::set_environment(
    const std::vector<std::pair<std::string, std::string>>& environment) const {
    check(::clearenv(), "emptying the environment", "clearenv");
    // os.environ wraps posix.environ, whether os is imported already or will be.
    const Ref posix(api_, api_.PyImport_ImportModule("posix"));
    const Ref mapping(api_, !posix ? nullptr : api_.PyObject_GetAttrString(posix.get(), "environ"));
    expect(api_, static_cast<bool>(mapping), "finding os.environ");
    api_.PyDict_Clear(mapping.get());
    for (const auto& [name, value] : environment) {
        check(::setenv(name.c_str(), value.c_str(), 1), "setting the environment", "setenv");
        const Ref key(api_, api_.PyBytes_FromString(name.c_str()));
        const Ref text(api_, api_.PyBytes_FromString(value.c_str()));
        expect(api_, api_.PyDict_SetItem(mapping.get(), key.get(), text.get()) == 0,
               "setting os.environ");
    }
}

std::string Interpreter::version() const {
    const std::string_view text = api_.Py_GetVersion();
    return std::string(text.substr(0, text.find(' ')));
}

}  // namespace vitrine::python
