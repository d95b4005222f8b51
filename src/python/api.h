// The part of CPython's C API that Vitrine uses, looked up in a libpython of the rootfs.
//
// Nothing links against libpython: which one is loaded is the rootfs's choice. So Python.h gives
// types only; functions are called through an Api, and the macros and inline functions of
// Python.h that call into libpython (Py_DECREF, PyUnicode_READ…) must not be used.
#pragma once

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace vitrine::python {

/// When the dynamic linker looks libpython's own calls up: all at once, or each at its first use,
/// which is quicker for one program.
enum class SymbolBinding : std::uint8_t { kLazy, kNow };

/// Function and data symbols of one loaded libpython. Valid for the life of the process: a
/// libpython is never unloaded.
struct Api {
    // A list of names is needed three times (declare, look up, name on failure): the one place
    // where only a macro will do.
// NOLINTNEXTLINE(bugprone-macro-parentheses): it declares a name.
#define VITRINE_PYTHON_SYMBOL(name) decltype(&::name) name = nullptr;
#include "python/api_symbols.inc"
#undef VITRINE_PYTHON_SYMBOL
    int (*PyGC_Enable)() = nullptr;  ///< Null in 3.9, which has none.
    int minor = 0;                   ///< Of the libpython: 12 is 3.12.

    /// Loads `libpython_path` and looks every symbol up. Throws Error naming what is missing. The
    /// libraries in `dependencies` are loaded first, by path: found by name they would be looked
    /// for in every directory a loader without a cache can think of.
    static Api load(const std::string& libpython_path,
                    const std::vector<std::string>& dependencies = {},
                    SymbolBinding binding = SymbolBinding::kLazy);
};

/// Owns one reference.
class Ref {
  public:
    Ref(const Api& api, PyObject* object) noexcept : api_(&api), object_(object) {}
    Ref(Ref&& other) noexcept : api_(other.api_), object_(other.release()) {}
    Ref& operator=(Ref&& other) noexcept {
        std::swap(api_, other.api_);
        std::swap(object_, other.object_);
        return *this;
    }
    Ref(const Ref&) = delete;
    Ref& operator=(const Ref&) = delete;
    ~Ref() {
        if (object_ != nullptr) api_->Py_DecRef(object_);
    }

    PyObject* get() const noexcept { return object_; }
    explicit operator bool() const noexcept { return object_ != nullptr; }
    [[nodiscard]] PyObject* release() noexcept { return std::exchange(object_, nullptr); }

  private:
    const Api* api_;
    PyObject* object_;
};

/// The UTF-8 text of a str; empty, with the Python error cleared, for anything else.
std::string to_text(const Api& api, PyObject* object);

/// The pending Python exception as `Type: message`, cleared. Empty when there is none.
std::string take_error(const Api& api);

}  // namespace vitrine::python
