#include "python/class_guard.h"

#include "base/error.h"
#include "python/c_function.h"

namespace vitrine::python {

namespace {

/// In the __dict__ of every class that the program made. A space, because no program can spell it;
/// `_abc_`, because typing.Protocol takes whatever does not begin so for a member.
constexpr const char* kMark = "_abc_ own";

PyObject* own(const Api& api, PyObject* object) {
    api.Py_IncRef(object);
    return object;
}

PyObject* refuse(const Api& api, PyObject* type, const char* message) {
    api.PyErr_SetString(type, message);
    return nullptr;
}

bool is_class(PyObject* object) {
    return (Py_TYPE(object)->tp_flags & Py_TPFLAGS_TYPE_SUBCLASS) != 0;
}

// ── classes that the program makes ──

PyObject* build_class(PyObject* self, PyObject* arguments, PyObject* keywords) {
    const ClassGuard& guard = data_of<ClassGuard>(self);
    const Api& api = guard.api;
    Ref made(api, api.PyObject_Call(guard.build_class.get(), arguments, keywords));
    if (made && is_class(made.get()) &&
        api.PyObject_SetAttrString(made.get(), kMark, api._Py_NoneStruct) != 0) {
        api.PyErr_Clear();  // Then it counts as a stranger's.
    }
    return made.release();
}

/// Whether `type` itself, and none of its bases, has an attribute; -1 with an exception set.
int has_itself(const Api& api, PyObject* type, PyObject* name) {
    const Ref attributes(api, api.PyObject_GetAttrString(type, "__dict__"));
    return attributes ? api.PySequence_Contains(attributes.get(), name) : -1;
}

/// The class in `type`'s order that defines `name` is the program's, or none defines it; and the
/// first in that order is the program's in any case.
bool is_own(const Api& api, PyObject* type, PyObject* name) {
    const Ref mark(api, api.PyUnicode_InternFromString(kMark));
    const Ref order(api, api.PyObject_GetAttrString(type, "__mro__"));
    if (!mark || !order || has_itself(api, type, mark.get()) != 1) return false;
    const Py_ssize_t count = api.PyTuple_Size(order.get());
    for (Py_ssize_t i = 0; i < count; ++i) {
        PyObject* base = api.PyTuple_GetItem(order.get(), i);
        const int has = has_itself(api, base, name);
        if (has < 0) return false;
        if (has == 1) return has_itself(api, base, mark.get()) == 1;
    }
    return count > 0;
}

/// Called with an object and an attribute's name; returns the object.
PyObject* checked_receiver(PyObject* self, PyObject* arguments) {
    const ClassGuard& guard = data_of<ClassGuard>(self);
    const Api& api = guard.api;
    PyObject* object = api.PyTuple_GetItem(arguments, 0);
    PyObject* name = api.PyTuple_GetItem(arguments, 1);
    if (object == nullptr || name == nullptr) return nullptr;
    const bool is_type = is_class(object);
    const std::string text = to_text(api, name);
    if (text == "__class__") return own(api, is_type ? guard.of_stand_in.get() : object);
    PyObject* type = is_type ? object : reinterpret_cast<PyObject*>(Py_TYPE(object));
    if (is_own(api, type, name)) return own(api, object);
    api.PyErr_Clear();
    return refuse(
        api, *api.PyExc_AttributeError,
        concat("the policy allows '", text, "' on objects of the program's own classes only")
            .c_str());
}

// ── the stand-in for `type` ──

PyObject* class_of(PyObject* self, PyObject* arguments, PyObject* keywords) {
    const ClassGuard& guard = data_of<ClassGuard>(self);
    const Api& api = guard.api;
    if (keywords != nullptr || api.PyTuple_Size(arguments) != 1) {
        return refuse(api, *api.PyExc_TypeError, "the policy allows type() one argument only");
    }
    PyObject* object = api.PyTuple_GetItem(arguments, 0);
    PyObject* found =
        is_class(object) ? guard.stand_in.get() : reinterpret_cast<PyObject*>(Py_TYPE(object));
    return own(api, found);
}

PyObject* is_a_class(PyObject* self, PyObject* object) {
    return data_of<ClassGuard>(self).api.PyBool_FromLong(is_class(object) ? 1 : 0);
}

PyObject* is_a_metaclass(PyObject* self, PyObject* object) {
    const ClassGuard& guard = data_of<ClassGuard>(self);
    const Api& api = guard.api;
    const bool is_one =
        object == guard.stand_in.get() ||
        (is_class(object) &&
         api.PyType_IsSubtype(reinterpret_cast<PyTypeObject*>(object), api.PyType_Type) != 0);
    return api.PyBool_FromLong(is_one ? 1 : 0);
}

/// `type[int]`
PyObject* parametrised(PyObject* self, PyObject* item) {
    const ClassGuard& guard = data_of<ClassGuard>(self);
    return guard.api.Py_GenericAlias(guard.stand_in.get(), item);
}

/// A method with keywords has another signature than Python's method table says.
PyCFunction as_method(PyCFunctionWithKeywords function) {
    return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function));
}

void name_methods(ClassGuard& guard) {
    constexpr int kAnyArguments = METH_VARARGS | METH_KEYWORDS;
    guard.build_method = {"__build_class__", as_method(&build_class), kAnyArguments, nullptr};
    guard.type_method = {"type", as_method(&class_of), kAnyArguments, nullptr};
    guard.instance_method = {"__instancecheck__", &is_a_class, METH_O, nullptr};
    guard.subclass_method = {"__subclasscheck__", &is_a_metaclass, METH_O, nullptr};
    guard.item_method = {"__class_getitem__", &parametrised, METH_O, nullptr};
    guard.receiver_method = {kReceiverFunction, &checked_receiver, METH_VARARGS, nullptr};
}

void require(const Api& api, bool succeeded) {
    if (!succeeded) throw Error(concat("guarding classes: ", take_error(api)));
}

void put(const Api& api, PyObject* mapping, const char* name, const Ref& value) {
    require(api, value && api.PyDict_SetItemString(mapping, name, value.get()) == 0);
}

/// A class called `type` whose class calls ours: C functions are not bound, and get no `self`.
void make_stand_in(ClassGuard& guard) {
    const Api& api = guard.api;
    PyObject* type = reinterpret_cast<PyObject*>(api.PyType_Type);
    const Ref meta_names(api, api.PyDict_New());
    const Ref names(api, api.PyDict_New());
    require(api, meta_names && names);
    put(api, meta_names.get(), "__call__", make_function(api, guard.type_method, guard));
    put(api, meta_names.get(), "__instancecheck__",
        make_function(api, guard.instance_method, guard));
    put(api, meta_names.get(), "__subclasscheck__",
        make_function(api, guard.subclass_method, guard));
    put(api, names.get(), "__class_getitem__", make_function(api, guard.item_method, guard));
    put(api, names.get(), "__module__", Ref(api, api.PyUnicode_FromString("builtins")));
    const Ref meta(api, api.PyObject_CallFunction(type, "s(O)O", "type", type, meta_names.get()));
    require(api, static_cast<bool>(meta));
    guard.stand_in = Ref(api, api.PyObject_CallFunction(meta.get(), "s()O", "type", names.get()));
    const Ref nothing(api, api.PyTuple_New(0));
    require(api, guard.stand_in && nothing);
    auto* stand_in = reinterpret_cast<PyTypeObject*>(guard.stand_in.get());
    guard.of_stand_in = Ref(api, stand_in->tp_new(stand_in, nothing.get(), nullptr));
    require(api, static_cast<bool>(guard.of_stand_in));
}

}  // namespace

ClassGuard::ClassGuard(const Api& api_used)
    : api(api_used),
      build_class(api_used, nullptr),
      stand_in(api_used, nullptr),
      of_stand_in(api_used, nullptr) {}

void install_class_guard(ClassGuard& guard, PyObject* builtins) {
    const Api& api = guard.api;
    PyObject* real = api.PyDict_GetItemString(builtins, "__build_class__");
    require(api, real != nullptr);
    guard.build_class = Ref(api, own(api, real));
    name_methods(guard);
    make_stand_in(guard);
    put(api, builtins, "__build_class__", make_function(api, guard.build_method, guard));
    put(api, builtins, kReceiverFunction, make_function(api, guard.receiver_method, guard));
    require(api, api.PyDict_SetItemString(builtins, "type", guard.stand_in.get()) == 0);
}

void stand_in_for_typing(const ClassGuard& guard, PyObject* typing) {
    const Api& api = guard.api;
    const Ref alias(api, api.PyObject_GetAttrString(typing, "Type"));
    if (alias) {
        (void)api.PyObject_SetAttrString(alias.get(), "__origin__", guard.stand_in.get());
    }
    // What has been made of it by libraries is remembered.
    const Ref cleanups(api, api.PyObject_GetAttrString(typing, "_cleanups"));
    const Py_ssize_t count = cleanups ? api.PySequence_Size(cleanups.get()) : 0;
    for (Py_ssize_t i = 0; i < count; ++i) {
        const Ref clear(api, api.PySequence_GetItem(cleanups.get(), i));
        const Ref done(api, clear ? api.PyObject_CallNoArgs(clear.get()) : nullptr);
    }
    api.PyErr_Clear();
}

}  // namespace vitrine::python
