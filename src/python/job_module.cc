#include "python/job_module.h"

#include "base/error.h"
#include "base/frame.h"
#include "python/c_function.h"
#include "python/value.h"

namespace vitrine::python {

namespace {

PyObject* result(PyObject* self, PyObject* value) {
    const auto& module = data_of<JobModule>(self);
    const Api& api = *module.api;
    try {
        const auto frame = encode(to_json(api, value));
        write_frame(module.report_fd, static_cast<std::uint32_t>(ClaimKind::kValue), frame);
    } catch (const std::exception& error) {
        api.PyErr_SetString(*api.PyExc_TypeError, concat("vitrine.result: ", error.what()).c_str());
        return nullptr;
    }
    api.Py_IncRef(api._Py_NoneStruct);
    return api._Py_NoneStruct;
}

constexpr const char* kResultDoc =
    "result(value)\n--\n\n"
    "Hand a value back to whoever started this program: anything that has a JSON form,\n"
    "numpy scalars and arrays included. The last call counts.";

}  // namespace

void install_job_module(JobModule& module) {
    const Api& api = *module.api;
    module.result_method = {"result", &result, METH_O, kResultDoc};
    const Ref function = make_function(api, module.result_method, module);
    const Ref object(api, api.PyModule_New("vitrine"));
    if (!function || !object ||
        api.PyObject_SetAttrString(object.get(), "result", function.get()) != 0 ||
        api.PyDict_SetItemString(api.PyImport_GetModuleDict(), "vitrine", object.get()) != 0) {
        throw Error(concat("making the vitrine module: ", take_error(api)));
    }
}

}  // namespace vitrine::python
