#include "python/receivers.h"

#include <set>

#include "base/error.h"
#include "python/class_guard.h"

namespace vitrine::python {

namespace {

class Changer {
  public:
    explicit Changer(const Api& api) : api_(api), ast_(module()) {}

    void change(PyObject* attribute) const {
        const Ref object = get(attribute, "value");
        const Ref name = get(attribute, "attr");
        const Ref text = placed("Constant", attribute, Ref(api_, tuple(1, name.get(), nullptr)));
        const Ref arguments = list({object.get(), text.get()});
        const Ref nothing = list({});
        const Ref call =
            placed("Call", attribute,
                   Ref(api_, tuple(3, function(attribute).get(), arguments.get(), nothing.get())));
        require(api_.PyObject_SetAttrString(attribute, "value", call.get()) == 0);
    }

  private:
    void require(bool succeeded) const {
        if (!succeeded) throw Error(concat("changing the syntax tree: ", take_error(api_)));
    }

    Ref module() const {
        Ref module(api_, api_.PyImport_ImportModule("_ast"));
        require(static_cast<bool>(module));
        return module;
    }

    Ref get(PyObject* object, const char* name) const {
        Ref value(api_, api_.PyObject_GetAttrString(object, name));
        require(static_cast<bool>(value));
        return value;
    }

    PyObject* tuple(int count, PyObject* first, PyObject* second, PyObject* third = nullptr) const {
        return count == 1   ? api_.Py_BuildValue("(O)", first)
               : count == 2 ? api_.Py_BuildValue("(OO)", first, second)
                            : api_.Py_BuildValue("(OOO)", first, second, third);
    }

    Ref list(std::initializer_list<PyObject*> items) const {
        Ref list(api_, api_.PyList_New(0));
        require(static_cast<bool>(list));
        for (PyObject* item : items)
            require(item != nullptr && api_.PyList_Append(list.get(), item) == 0);
        return list;
    }

    /// A node where `place` is.
    Ref placed(const char* type_name, PyObject* place, const Ref& fields) const {
        const Ref type = get(ast_.get(), type_name);
        require(static_cast<bool>(fields));
        Ref node(api_, api_.PyObject_Call(type.get(), fields.get(), nullptr));
        require(static_cast<bool>(node));
        for (const char* field : {"lineno", "col_offset", "end_lineno", "end_col_offset"}) {
            const Ref value = get(place, field);
            require(api_.PyObject_SetAttrString(node.get(), field, value.get()) == 0);
        }
        return node;
    }

    Ref function(PyObject* place) const {
        const Ref load_type = get(ast_.get(), "Load");
        const Ref load(api_, api_.PyObject_CallNoArgs(load_type.get()));
        const Ref name(api_, api_.PyUnicode_InternFromString(kReceiverFunction));
        require(load && name);
        return placed("Name", place, Ref(api_, tuple(2, name.get(), load.get())));
    }

    const Api& api_;
    Ref ast_;
};

}  // namespace

void check_receivers(const Api& api, const std::vector<const Node*>& attributes) {
    if (attributes.empty()) return;
    const Changer changer(api);
    const std::set<const Node*> once(attributes.begin(), attributes.end());
    for (const Node* attribute : once)
        changer.change(attribute->object);
}

}  // namespace vitrine::python
