// The second line of layer 1, at run time: what a program gets in place of the built-ins and of
// the modules it imports.
//
// It claims no boundary: whoever holds a function of a library holds that library's globals. It
// makes sure that a name the validator missed is not there: the program's own code resolves
// built-ins in a reduced mapping, and imports hand out facades, modules with nothing in them but
// the names that the policy lists. Libraries keep their built-ins and their imports, but for the
// few functions of theirs that would do on a program's behalf what it may not: those are disarmed,
// or look at what they are given.
#pragma once

#include <memory>
#include <set>
#include <vector>

#include "python/api.h"
#include "python/checked_calls.h"
#include "python/class_guard.h"
#include "python/policy.h"

namespace vitrine::python {

struct Facade;

/// What the guard's functions work on. Must outlive the interpreter, that is, the process.
struct Guard {
    Guard(const Api& api_used, const Policy& policy_used);
    ~Guard();
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;

    const Api& api;
    const Policy& policy;
    Ref builtins;        ///< The program's: a copy of the real ones, reduced.
    Ref builtin_import;  ///< The real __import__.
    std::vector<std::unique_ptr<Facade>> facades;
    ClassGuard classes;
    std::vector<std::unique_ptr<CheckedCall>> checked_calls;
    std::set<std::string_view> prepared;  ///< Modules that have been disarmed.
    PyMethodDef import_method{};
    PyMethodDef getattr_method{};
    PyMethodDef refusal_method{};
};

/// Makes what programs of `policy`, which is borrowed, get, and disarms what is loaded. For one
/// program, or before forks for the first of each: it touches every built-in, and where libraries
/// are loaded, functions all over the heap. Nothing else changes before install_guard(). Throws
/// Error.
std::unique_ptr<Guard> make_guard(const Api& api, const Policy& policy);

/// Gives the program whose namespace is `globals` its built-ins. Throws Error.
void install_guard(Guard& guard, PyObject* globals);

}  // namespace vitrine::python
