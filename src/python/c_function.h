// C functions of ours that Python calls, with data of their own.
//
// A C function of Python's has no place for data but `self`; ours is a bytes object that holds an
// address, because its layout needs no call into libpython.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#include "python/api.h"

namespace vitrine::python {

/// The data a function was made with, from the `self` it is called with.
template <typename Data>
Data& data_of(PyObject* self) {
    std::uintptr_t address = 0;
    std::memcpy(&address, reinterpret_cast<PyBytesObject*>(self)->ob_sval, sizeof address);
    return *std::bit_cast<Data*>(address);
}

/// A function object of `method` that finds `data`; both must outlive it. Null with Python's error
/// set when there is no memory.
template <typename Data>
Ref make_function(const Api& api, PyMethodDef& method, Data& data) {
    const auto address = std::bit_cast<std::uintptr_t>(&data);
    const Ref self(api, api.PyBytes_FromStringAndSize(reinterpret_cast<const char*>(&address),
                                                      sizeof address));
    return {api, !self ? nullptr : api.PyCMethod_New(&method, self.get(), nullptr, nullptr)};
}

}  // namespace vitrine::python
