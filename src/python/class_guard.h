// What the guard does about classes: what the validator can only suppose, a program's own objects
// are told from strangers while it runs, and nobody gets hold of a metaclass.
//
// `Mine.method(stranger)` makes any object a `self`, and `type(x)` gives `type` where x is a class;
// neither can be seen in a syntax tree. So the program's `type` is a stand-in that takes one
// argument and stands for every metaclass, and the tree is changed before it is compiled: where
// the validator let an attribute pass because it is the program's own, the object is handed
// through a function that makes sure (receivers.h).
#pragma once

#include "python/api.h"

namespace vitrine::python {

/// Must outlive the interpreter, that is, the process.
struct ClassGuard {
    explicit ClassGuard(const Api& api_used);

    const Api& api;
    Ref build_class;  ///< The real __build_class__.
    Ref stand_in;     ///< What the program has for `type`…
    Ref of_stand_in;  ///< …and an object whose class it is.
    PyMethodDef build_method{};
    PyMethodDef type_method{};
    PyMethodDef instance_method{};
    PyMethodDef subclass_method{};
    PyMethodDef item_method{};
    PyMethodDef receiver_method{};
};

/// The built-in that a changed tree calls: a name that no program can spell.
inline constexpr const char* kReceiverFunction = "own receiver";

/// Puts the stand-in, a class-making function that marks classes and the receivers' check into
/// `builtins`, a program's mapping. Throws Error.
void install_class_guard(ClassGuard& guard, PyObject* builtins);
/// The same for typing.Type, another spelling of `type`; `typing` is that module.
void stand_in_for_typing(const ClassGuard& guard, PyObject* typing);

}  // namespace vitrine::python
